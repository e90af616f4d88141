"""The notebooks run from their first cell to their last, and show what their texts promise."""

import os
import re
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import nbformat
import preloaded
import pytest
from conftest import ROOT
from nbclient import NotebookClient


def outputs_of(name: str, folder: Path, instead: Mapping[str, str] = MappingProxyType({})) -> tuple[str, int]:
    """What the cells of a notebook print, run one after the other in a new kernel, and how many pictures they show.

    ``instead`` has words of the cells and what stands in their place.
    """
    # What the large networks of a kernel free is kept for what they need next, as a training has it: nine tenths of the
    # time in the system are spared.
    keeping = {"MMAP_MAX": 0, "TRIM_THRESHOLD": 2**31 - 1, "TOP_PAD": 2**28}
    # Cells with ! find the zoo of these tests.
    environment = {"PATH": preloaded.path_to_zoo()} | {f"MALLOC_{key}_": str(value) for key, value in keeping.items()}
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the outputs are not committed"
    for cell in notebook.cells:
        for words, others in instead.items():
            cell.source = cell.source.replace(words, others)
    place = {"metadata": {"path": str(folder)}}
    # The kernel's alone: a server of forks that began here would hand it on to later tests.
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute(env=os.environ | environment)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return said, sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("name", ["tour", "own_data"])
def test_a_notebook_opens_in_colab_and_fetches_its_repository_there(name, tmp_path, monkeypatch):
    first, fetches = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells[:2]
    assert "(https://colab.research.google.com/github/)" in first.source
    # A repository in place of GitHub's, and a pip that only says what it was asked for.
    there = tmp_path / "github" / "someone" / "zoo"
    (there / "notebooks").mkdir(parents=True)
    (there / "notebooks" / "here").touch()
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "zoo"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=there, check=True)
    for key, value in {
        "COUNT": "1", "KEY_0": f"url.{there.parents[1].as_uri()}/.insteadOf", "VALUE_0": "https://github.com/",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text("#!/bin/sh\necho pip $*\n")
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", str(pip.parent), prepend=os.pathsep)
    source = fetches.source.replace('repository = ""', 'repository = "someone/zoo"')
    assert source != fetches.source
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{source}\n!ls")])
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=place).execute()
    said = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert said.split() == ["pip", "install", "-q", "./zoo", "here"]


def test_own_images_are_learnt_from_scratch_and_on_features_and_from_the_command_line(tmp_path):
    said, pictures = outputs_of("own_data", tmp_path)
    assert pictures == 1
    scratch, features = map(float, re.findall(r": ([\d.]+) % of the test pictures wrong", said))
    assert scratch < 5
    assert features < 20
    assert float(re.search(r"top-1 error +│ +([\d.]+) %", said)[1]) < 10
    # In Python, and by zoo classify.
    assert re.search(r"triangle +9\d", said)
    assert re.search(r"new\.png +triangle", said)


@pytest.mark.skipif("ZOO_TEST_DATA" not in os.environ, reason="needs CIFAR-10 and MNIST")
def test_the_tour_shows_a_picture_a_step_and_errors_that_fall():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A part of the images takes a part of the time, two thirds of which are VGG-16's.
    fewer = {} if "ZOO_ALL_SCORES" in os.environ else {"seen >= 1000": "seen >= 500", "count=400": "count=150"}
    # Its own folder, from which it reads the digit.
    said, pictures = outputs_of("tour", ROOT / "notebooks", fewer)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Less than four minutes on two cores, however busy they are with other things.
    assert 1 < after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 240
    assert pictures == 9
    assert "it reads 5" in said
    errors = [float(error) for error in re.findall(r"parameters +([\d.]+) % wrong", said)]
    assert len(errors) == 7
    assert errors == sorted(errors, reverse=True)
