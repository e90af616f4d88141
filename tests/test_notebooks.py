"""The notebooks run from their first cell to their last, and show what their texts promise."""

import os
import re
from pathlib import Path

import nbformat
import preloaded
import pytest
from conftest import ROOT
from nbclient import NotebookClient


def outputs_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, shorter: dict[str, str]) -> tuple[str, int]:
    """What the cells of a notebook print, run one after the other in a new kernel, and how many pictures they show.

    ``shorter`` has what stands in the notebook and takes long, each with what is run in its place.
    """
    # What the large networks of a kernel free is kept for what they need next, as a training has it: nine tenths of the
    # time in the system are spared.
    for option, value in (("MMAP_MAX", 0), ("TRIM_THRESHOLD", 2**31 - 1), ("TOP_PAD", 2**28)):
        monkeypatch.setenv(f"MALLOC_{option}_", str(value))
    # Cells with ! find the zoo of these tests.
    monkeypatch.setenv("PATH", preloaded.path_to_zoo())
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the outputs are not committed"
    for long, short in shorter.items():
        assert any(long in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(long, short)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return said, sum("image/png" in output.get("data", {}) for output in outputs)


def test_own_images_are_learnt_from_scratch_and_on_features_and_from_the_command_line(tmp_path, monkeypatch):
    said, pictures = outputs_of("own_data", tmp_path, monkeypatch, {})
    assert pictures == 1
    scratch, features = map(float, re.findall(r": ([\d.]+) % of the test pictures wrong", said))
    assert scratch < 5
    assert features < 20
    assert float(re.search(r"top-1 error +│ +([\d.]+) %", said)[1]) < 10
    # In Python, and by zoo classify.
    assert re.search(r"triangle +9\d", said)
    assert re.search(r"new\.png +triangle", said)


@pytest.mark.skipif("ZOO_TEST_DATA" not in os.environ, reason="needs CIFAR-10 and MNIST")
def test_the_tour_shows_a_picture_a_step_and_errors_that_fall(monkeypatch):
    # Its own folder, from which it reads the digit.
    said, pictures = outputs_of(
        "tour", ROOT / "notebooks", monkeypatch, {"count=400": "count=100", "seen >= 1000": "seen >= 500"}
    )
    assert pictures == 9
    assert "it reads 5" in said
    errors = [float(error) for error in re.findall(r"parameters +([\d.]+) % wrong", said)]
    assert len(errors) == 7
    assert errors == sorted(errors, reverse=True)
