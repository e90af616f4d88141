import json
import re
import subprocess
import sys
import tomllib

import yaml
from conftest import ROOT

import zoo

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_uv_and_pip_install_the_same_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins == PROJECT["tool"]["uv"]["constraint-dependencies"]
    assert all(re.fullmatch(r"[a-z0-9._-]+==[0-9][\w.+!]*", pin) for pin in pins)


def test_every_dependency_is_pinned():
    pinned = {pin.split("==")[0] for pin in PROJECT["tool"]["uv"]["constraint-dependencies"]}
    asked = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    assert {re.split(r"[\[<>=]", name)[0] for name in asked} <= pinned


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["project"]["version"] == zoo.__version__ == citation["version"]


def test_the_citation_names_the_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {1962, 1986, 1998, 2009, 2012, 2014, 2015} <= {reference["year"] for reference in citation["references"]}


def test_ci_calls_the_readmes_test_command():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert "pip install uv && uv run zoo fit --config configs/lenet5_digits.yaml" in readme
    assert "pip install uv && uv run pytest" in readme
    assert "pip install -q uv" in ci
    assert '\nuv run pytest "$@"\n' in ci


def workflows() -> dict[str, str]:
    return {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").iterdir()}


def test_every_action_is_pinned_by_its_digest_and_says_its_version():
    used = [line for text in workflows().values() for line in text.splitlines() if "uses:" in line]
    assert len(used) >= 7
    pinned = re.compile(r" +(- )?uses: (?P<name>[\w-]+/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    found = [pinned.fullmatch(line) for line in used]
    assert [line for line, match in zip(used, found, strict=True) if not match] == []
    # One version of each in all workflows.
    assert len({line.strip(" -") for line in used}) == len({match["name"] for match in found if match})


def test_the_audit_looks_at_every_pin_and_fails_where_it_cannot():
    jobs = yaml.safe_load(workflows()["supply-chain.yml"])["jobs"]
    audit = next(step["run"] for step in jobs["audit"]["steps"] if "pip-audit" in step.get("run", ""))
    assert "--strict" in audit
    assert audit.endswith(" constraints.txt")
    *_, bill, kept = jobs["bill-of-materials"]["steps"]
    assert "cyclonedx-py environment" in bill["run"]
    assert f"--output-file {kept['with']['path']} " in bill["run"]


def test_workflows_may_only_read_but_for_the_job_that_publishes_the_pages():
    found = {name: yaml.safe_load(text) for name, text in workflows().items()}
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in found.values())
    own = {job: content["permissions"] for workflow in found.values() for job, content in workflow["jobs"].items()
           if "permissions" in content}  # fmt: skip
    assert own == {"publish": {"pages": "write", "id-token": "write"}}


def test_dependabot_looks_after_packages_and_actions():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions"}
    assert all((update["directory"], update["schedule"]["interval"]) == ("/", "weekly") for update in updates)


def test_readme_and_pages_name_only_configs_that_exist():
    text = "\n".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")))
    named = set(re.findall(r"--config (?:configs/)?([\w/]+)", text)) - {"FILE", "mine"}
    assert named <= {
        path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in (ROOT / "configs").rglob("*.yaml")
    }


def test_nothing_names_a_registry_host():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = ["py" + "pi.org", "python" + "hosted.org"]
    assert not [name for name in tracked if any(host in (ROOT / name).read_text(errors="replace") for host in hosts)]


def test_a_wheel_carries_the_configs_where_the_package_looks_for_them():
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert targets["configs"] == "zoo/shipped_configs"
    assert targets["benchmarks/published.yaml"] == "zoo/published.yaml"
    assert "_HOMES = (_PACKAGE, " in (ROOT / "src" / "zoo" / "results" / "published.py").read_text()
    assert '"shipped_configs"' in (ROOT / "src" / "zoo" / "configs.py").read_text()


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "info", "lenet5", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["parameters"] == 60_000
