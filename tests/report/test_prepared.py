"""What is prepared says what the code says, and is used: these verbs import no torch."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.report import prepared

SCRIPT = Path(__file__).parents[2] / "docs" / "prepared.py"


def test_the_file_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("prepared_writer", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert prepared.FILE.read_text(encoding="utf-8") == writer.document(), "python docs/prepared.py"


@pytest.mark.parametrize("words", [["info", "vgg16", "--variant", "bn"], ["info", "lenet5", "--json"], ["fit", "-h"]])
def test_no_torch_is_needed(words: list[str]) -> None:
    code = f"import sys; from zoo.cli import main; sys.modules['torch'] = None; sys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "138,365,992" in done.stdout or "LeNet5Model" in done.stdout


def test_another_lightning_or_catalogue_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared.help_of("fit") is not None
    monkeypatch.setattr(prepared, "version", lambda name: "0.1")
    assert prepared.help_of("fit") is None
    monkeypatch.undo()
    monkeypatch.setitem(prepared.DATA.own, "Tiny", next(iter(prepared.DATA.values())))
    assert prepared.help_of("fit") is None


def test_a_network_that_is_not_prepared_is_described_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(prepared.FILE.read_text(encoding="utf-8"))
    del content["networks"]["mlp"]
    monkeypatch.setattr(prepared, "FILE", tmp_path / "prepared.json")
    prepared.FILE.write_text(json.dumps(content), encoding="utf-8")
    assert prepared.description_of("mlp", None) is None
    assert prepared.description_of("lenet5", "fantasy") is None
    assert prepared.description_of("lenet5", "modern")["parameters"] == 61_706  # type: ignore[index]
