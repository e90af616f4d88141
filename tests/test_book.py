"""The documents for maintainers say what is true of the code: names resolve, files exist, generated text is fresh."""

import ast
import inspect
import pkgutil
import re
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import deviations

PAGES = (
    "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md", "docs/imagenet.md",
    "docs/installing.md", "docs/sweeps.md",
)  # fmt: skip
# What the worked lists of CONTRIBUTING.md add.
ADDED = ("tiny", "stripes", "count.py")


def spans(page: str) -> set[str]:
    """What stands in backticks outside the fenced blocks."""
    text = re.sub(r"^ *```.*?^ *```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return {span for span in re.findall(r"`([^`\n]+)`", text) if not any(name in span for name in ADDED)}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page):
    # Where there shall be none, and in the folders of runs and sweeps.
    elsewhere = {"utils.py", "record.json", "config.yaml", "sweep.yaml", "outcomes.json", "logs/", "runs/"}
    files = {span for span in spans(page) if re.fullmatch(r"\.?[\w./-]*(/|\.(py|md|yaml|json|toml|txt|yml))", span)}
    assert [name for name in sorted(files - elsewhere) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_name_that_a_page_names_can_be_imported(page):
    for name in sorted(span for span in spans(page) if re.fullmatch(r"zoo(\.\w+)+", span)):
        pkgutil.resolve_name(name)


def test_the_architecture_shows_every_room_and_every_contract():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.name for path in (ROOT / "src" / "zoo").iterdir() if (path / "__init__.py").is_file()}
    assert [room for room in sorted(rooms) if f"`src/zoo/{room}/`" not in page] == []
    contracts = re.findall(r'^name = "([^":]+)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1:]
    shown = page.lower()
    assert [name for name in contracts if f"| {name.partition(',')[0].lower()}" not in shown] == []


def test_the_deviations_are_those_of_the_code():
    assert (ROOT / "docs" / "deviations.md").read_text() == deviations.document(), "python docs/deviations.py"


def test_no_deviation_in_a_docstring_is_left_out():
    document = (ROOT / "docs" / "deviations.md").read_text()
    told = 0
    for path in sorted((ROOT / "src" / "zoo").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.Module)):
                continue
            for paragraph in inspect.cleandoc(ast.get_docstring(node) or "").split("\n\n"):
                if paragraph.startswith("Deviations and guesses"):
                    text = " ".join(paragraph.split()).partition(": ")[2].replace("``", "`")
                    assert text in document, f"{path.name}: {text}"
                    told += 1
    assert told >= 25


def test_no_deviation_in_the_header_of_a_config_is_left_out():
    document = (ROOT / "docs" / "deviations.md").read_text()
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        _, _, told = path.read_text().partition("\n# Deviations:")
        words = told.partition("\ndata:")[0].replace("\n#", " ").split()
        assert " ".join(words[:12]) in document, path.name
