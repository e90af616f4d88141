import re

from conftest import ROOT
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

SOURCES = sorted((ROOT / "src" / "zoo").rglob("*.py"))


def test_the_import_contracts_hold(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def test_only_training_knows_lightnings_command_line():
    knowing = {path.parent.name for path in SOURCES if re.search(r"\b(LightningCLI|ZooCLI)\b", path.read_text())}
    assert knowing == {"training"}


def test_there_is_no_catch_all_file():
    assert not [path for path in SOURCES if path.stem in ("utils", "helpers", "common", "misc")]
