import ast

import pytest
from conftest import ROOT
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

SOURCES = sorted((ROOT / "src" / "zoo").rglob("*.py"))


def test_the_import_contracts_hold(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_files_and_functions_keep_to_their_sizes(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno + 1 <= 40, node.name


def test_there_is_no_catch_all_file():
    assert not [path for path in SOURCES if path.stem in ("utils", "helpers", "common", "misc")]
