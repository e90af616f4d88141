"""The notebooks run from their first cell to their last, and show what their texts promise."""

import ast
import os
import re
import subprocess
from pathlib import Path

import nbformat
import preloaded
import pytest
from conftest import ROOT
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

# What the large networks of a kernel free is kept for what they need next, as a training has it: nine tenths of the
# time in the system are spared.
KEEPING = """
import torch
from zoo.training.allocator import keep_freed_memory
keep_freed_memory(torch.device("cpu"))
"""


class ForkedKernel(AsyncKernelManager):
    """A kernel that need not import torch and Lightning, for seconds, again."""

    @property
    def kernel_spec(self) -> KernelSpec | None:
        spec = super().kernel_spec
        spec.argv[0] = preloaded.python()
        return spec


def outputs_of(name: str, folder: Path) -> tuple[str, int]:
    """What the cells of a notebook print, run one after the other in a new kernel, and how many pictures they show.

    Last of all it prints the seconds of computing that they took.
    """
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the outputs are not committed"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(KEEPING))
    notebook.cells.append(nbformat.v4.new_code_cell("import time; print(time.process_time())"))
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=600, kernel_manager_class=ForkedKernel, resources=place)
    # Cells with ! find the zoo of these tests.
    client.execute(env=os.environ | {"PATH": preloaded.path_to_zoo()})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return said, sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("name", ["tour", pytest.param("own_data", marks=pytest.mark.slow)])
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


@pytest.mark.parametrize("name", ["tour", "own_data"])
def test_what_a_notebook_calls_of_the_zoo_is_there(name):
    cells = [cell for cell in nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
             if cell.cell_type == "code"]  # fmt: skip
    # What goes to the shell is none of Python's.
    source = "\n".join(re.sub(r"^(\s*)[!%].*", r"\1pass", cell.source, flags=re.MULTILINE) for cell in cells)
    names = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom) and "zoo" in ast.unparse(node):
            exec(ast.unparse(node), names)
    called = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    called = [dotted for dotted in called if re.fullmatch(r"zoo(\.\w+)+", dotted)]
    assert called
    for dotted in called:
        eval(dotted, names)


@pytest.mark.slow  # test_own_data.py and test_fine_tuning.py do the same without a notebook
def test_own_images_are_learnt_from_scratch_and_on_features_and_from_the_command_line(tmp_path):
    said, pictures = outputs_of("own_data", tmp_path)
    assert pictures == 1
    scratch, features = map(float, re.findall(r": ([\d.]+) % of the test pictures wrong", said))
    command = float(re.search(r"top-1 error +│ +([\d.]+) %", said)[1])
    assert scratch < 5
    assert features < 20
    assert command < 10
    # In Python, and by zoo classify.
    assert re.search(r"triangle +9\d", said)
    assert re.search(r"new\.png +triangle", said)


@pytest.mark.slow
@pytest.mark.skipif("ZOO_TEST_DATA" not in os.environ, reason="needs CIFAR-10 and MNIST")
def test_the_tour_shows_a_picture_a_step_and_errors_that_fall():
    # Its own folder, from which it reads the digit.
    said, pictures = outputs_of("tour", ROOT / "notebooks")
    # Less than four minutes on two cores, however busy they are with other things.
    assert 1 < float(said.split()[-1]) < 240
    assert pictures == 9
    assert "it reads 5" in said
    errors = [float(error) for error in re.findall(r"parameters +([\d.]+) % wrong", said)]
    assert len(errors) == 7
    assert errors == sorted(errors, reverse=True)
