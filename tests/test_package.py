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
    assert "\nuv run pytest\n" in ci


def test_the_readme_names_only_configs_that_exist():
    named = set(re.findall(r"--config (?:configs/)?([\w/]+)", (ROOT / "README.md").read_text())) - {"FILE"}
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
