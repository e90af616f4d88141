"""The examples run as they stand, and learn."""

import re

import preloaded
import pytest
from conftest import ROOT

# What chance gives is 10 %, of two colours 50 %.
LEAST = {
    "plain_loop": 0.85, "lightning_module": 0.85, "scikit_learn": 0.85, "torchvision_train": 90, "timm_validate": 85,
    "lightning_quickstart": 0.85,
}  # fmt: skip


def test_all_examples_are_run_and_listed():
    files = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert files == set(LEAST)
    assert files == set(re.findall(r"^\| `(\w+)\.py`", (ROOT / "examples" / "README.md").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LEAST)
def test_an_example_learns_what_it_says(name, in_folder):
    done = preloaded.run(ROOT / "examples" / f"{name}.py")
    (found,) = re.findall(r"(?:accuracy|Acc@1) ([\d.]+)", done.stdout)
    assert float(found) >= LEAST[name]
    assert list(in_folder.iterdir()) == []
