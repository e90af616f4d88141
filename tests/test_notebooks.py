"""The notebooks run from their first cell to their last, and show what their texts promise."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient


def outputs_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the cells of a notebook print, run one after the other in a new kernel and an empty folder."""
    # Cells with ! find the zoo of these tests.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the outputs are not committed"
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_own_images_are_learnt_from_scratch_and_on_features_and_from_the_command_line(tmp_path, monkeypatch):
    said = outputs_of("own_data", tmp_path, monkeypatch)
    scratch, features = map(float, re.findall(r": ([\d.]+) % of the test pictures wrong", said))
    assert scratch < 5
    assert features < 20
    assert float(re.search(r"top-1 error +│ +([\d.]+) %", said)[1]) < 10
    # In Python, and by zoo classify.
    assert re.search(r"triangle +9\d", said)
    assert re.search(r"new\.png +triangle", said)
