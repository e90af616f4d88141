"""CONTRIBUTING.md, followed to the letter in a copy of the project; and the places that a network must have.

A worked list is a numbered item for each place: a file in backticks, "a new file" or the line after or before which, or
in place of which, the fenced block below goes.
"""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import preloaded
import pytest
import yaml
from conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PLACES = {
    "A network": [
        "src/zoo/models/tiny.py", "src/zoo/models/tiny_model.py", "pyproject.toml", "src/zoo/catalog.py",
        "configs/tiny_digits.yaml", "benchmarks/published.yaml",
    ],
    "A data set": [
        "src/zoo/data/stripes.py", "src/zoo/catalog.py", "pyproject.toml", "configs/linear_stripes.yaml",
    ],
    "A protocol": [
        "src/zoo/evaluation/protocols/plan.py", "src/zoo/evaluation/protocols/names.py", "benchmarks/README.md",
    ],
    "A verb": ["src/zoo/commands/count.py", "src/zoo/commands/__init__.py"],
}  # fmt: skip
ITEM = re.compile(
    r"^\d+\. `(?P<file>[^`]+)`,\s(?:a new file|"
    r"(?P<side>after|before|in place of) the line (?P<quote>`+)(?P<line>.+?) ?(?P=quote)):"
    r".*?\n   ```\w+\n(?P<block>.*?)\n   ```$",
    re.MULTILINE | re.DOTALL,
)
# How a network says its name in the body of its class.
NAME = re.compile(r'^    name(?:, \w+)* = "(\w+)"', re.MULTILINE)


def items(heading: str) -> list[re.Match]:
    """The items of one worked list."""
    _, _, section = TEXT.partition(f"\n### {heading}\n")
    section = section.partition("\n### ")[0]
    found = list(ITEM.finditer(section))
    assert len(found) == len(re.findall(r"^\d+\. ", section, re.MULTILINE)), f"an item of {heading!r} cannot be read"
    return found


def apply(root: Path, heading: str, without: str | None = None) -> None:
    """Does in ``root`` what a worked list says, leaving out one file where asked to."""
    for item in items(heading):
        path = root / item["file"]
        block = "".join(f"{line.removeprefix('   ')}\n" for line in item["block"].split("\n"))
        if item["file"] == without:
            continue
        if item["line"] is None:
            assert not path.exists(), f"{item['file']} is no new file"
            path.write_text(block)
            continue
        lines = path.read_text().splitlines(keepends=True)
        places = [n for n, line in enumerate(lines) if line.strip().startswith(item["line"].strip())]
        assert len(places) == 1, f"{item['file']} has {len(places)} lines {item['line']!r}"
        start = places[0] + (item["side"] == "after")
        end = start + (item["side"] == "in place of")
        path.write_text("".join([*lines[:start], block, *lines[end:]]))


@pytest.fixture
def copy(tmp_path):
    """The parts of the project that the lists name, without the large weights."""
    without = shutil.ignore_patterns("__pycache__", "*.safetensors")
    root = tmp_path / "zoo"
    shutil.copytree(ROOT / "src", root / "src", ignore=without)
    shutil.copytree(ROOT / "configs", root / "configs")
    (root / "benchmarks").mkdir()
    for name in ("pyproject.toml", "benchmarks/published.yaml", "benchmarks/README.md"):
        shutil.copy(ROOT / name, root / name)
    return root


def in_copy(root: Path, code: str) -> str:
    """What a piece of Python prints that imports the copy's zoo, in an empty folder."""
    folder = root.parent / "work"
    folder.mkdir(exist_ok=True)
    kept = preloaded.clean_environment()
    done = preloaded.run("-c", code, cwd=folder, env=kept | {"PYTHONPATH": str(root / "src")}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commands(*lines: str) -> str:
    """Python that runs one command after another."""
    calls = [f"assert main({line.split()!r}) == 0" for line in lines]
    return "\n".join(["from zoo.cli import main", *calls])


@pytest.mark.parametrize("heading", PLACES)
def test_the_worked_list_names_these_files_and_no_others(heading):
    assert list(dict.fromkeys(item["file"] for item in items(heading))) == PLACES[heading]


def test_a_network_is_listed_built_and_trained(copy):
    apply(copy, "A network")
    assert missing(copy) == []
    fit = "fit --config tiny_digits --run_dir run --trainer.max_epochs 1 --trainer.accelerator cpu"
    printed = in_copy(copy, commands("list models", "list configs", "info tiny", f"{fit} --trainer.max_steps 3"))
    assert "two fully connected layers, the example" in printed
    assert "weights and biases start from torch's default" in " ".join(printed.split())
    record = json.loads((copy.parent / "work" / "run" / "record.json").read_text())
    assert (record["network"], record["n"], record["parameters"]) == ("tiny", 360, 400 * 16 + 16 + 16 * 10 + 10)


def test_a_data_set_a_protocol_and_a_verb_are_listed_and_used(copy):
    for heading in ("A data set", "A protocol", "A verb"):
        apply(copy, heading)
    fit = "fit --config linear_stripes --run_dir run --trainer.max_epochs 1 --trainer.accelerator cpu"
    benchmark = "benchmark run --protocol flipped,centre --output out"
    printed = in_copy(copy, commands("list data", "count", "data info Stripes", fit, benchmark, "table stripes"))
    assert "horizontal and vertical stripes, the example" in printed
    networks = runpy.run_path(str(ROOT / "src" / "zoo" / "catalog.py"))["NETWORKS"]
    assert str(len(networks)) in printed.splitlines()
    records = [json.loads(path.read_text()) for path in (copy.parent / "work" / "out").glob("*.json")]
    assert {record["protocol"] for record in records} == {"flipped", "single view"}
    assert {(record["dataset"]["name"], record["n"]) for record in records} == {("stripes", 32)}
    assert r"linear\_stripes" in printed


def test_what_the_lists_add_obeys_ruff_and_the_import_contracts(copy):
    for heading in PLACES:
        apply(copy, heading)
    for command in (["check"], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *command, str(copy / "src")]
        done = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert contracts(copy).returncode == 0


def test_a_new_network_is_held_by_the_contracts_without_being_named_there(copy):
    apply(copy, "A network")
    with (copy / "src/zoo/models/tiny.py").open("a") as file:
        file.write("\n\nfrom zoo.models.mlp import MLP\n")
    done = contracts(copy)
    assert done.returncode != 0
    assert "zoo.models.tiny is not allowed to import zoo.models.mlp" in done.stdout


def contracts(root: Path) -> subprocess.CompletedProcess[str]:
    """What the import contracts say of the copy."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=os.environ | {"PYTHONPATH": str(root / "src")}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def missing(root: Path) -> list[str]:
    """A sentence for every place that a network of ``root`` should have and does not."""
    networks = runpy.run_path(str(root / "src" / "zoo" / "catalog.py"))["NETWORKS"]
    papers = yaml.safe_load((root / "benchmarks" / "published.yaml").read_text())["papers"]
    trained = {
        yaml.safe_load(path.read_text())["model"]["class_path"].rpartition(".")[2]
        for path in (root / "configs").glob("*.yaml")
    }
    found = []
    for path in sorted((root / "src" / "zoo" / "models").glob("*.py")):
        for name in NAME.findall(path.read_text()):
            if name not in networks:
                found.append(f"src/zoo/catalog.py has no entry for {name}, the network of {path.name}")
    for name, entry in networks.items():
        for home in (entry.module, entry.model_module):
            path = root / "src" / f"{home.replace('.', '/')}.py"
            if not path.is_file():
                found.append(f"{path.relative_to(root)} is missing: the catalog names it as the home of {name}")
        if f'"{entry.model_module} -> {entry.module}"' not in (root / "pyproject.toml").read_text():
            found.append(f"pyproject.toml does not let {entry.model_module} import {entry.module}")
        if entry.model not in trained:
            found.append(f"configs/{name}_<data>.yaml is missing: no config trains {entry.model}")
        if name not in papers:
            found.append(f"benchmarks/published.yaml does not say under papers which paper describes {name}")
    return found


def test_every_network_has_all_of_its_places():
    assert missing(ROOT) == []


@pytest.mark.parametrize("left_out", PLACES["A network"])
def test_the_place_that_a_network_lacks_is_named(copy, left_out):
    apply(copy, "A network", without=left_out)
    (sentence,) = missing(copy)
    assert left_out.replace("tiny_digits", "tiny_<data>") in sentence
    assert "tiny" in sentence


def test_the_three_examples_are_what_the_files_hold():
    _, _, style = TEXT.partition("\n## Style\n")
    style = style.partition("\n## ")[0]
    examples = re.findall(r"\(`(src/[^`]+)`\):\n\n```python\n(.*?)```", style, re.DOTALL)
    assert len(examples) == 3
    for file, code in examples:
        assert code in (ROOT / file).read_text(), file
