"""What another person's installed package adds by entry points: a network and a data set, as if they were the zoo's."""

import json
from pathlib import Path

import preloaded
import pytest

ENTRIES = """
from zoo.catalog import DataSet, Entry

NETWORK = Entry("tinyzoo.nets", "TinyNet", "TinyNetModel", 2026, ("paper",), "one linear layer, of another package")
DATA = DataSet(
    module="tinyzoo.data", name="bright-dark", title="Bright and dark", summary="bright and dark squares, made up",
    storage="memory", source="made", stored=(1, 8, 8), hub=None,
)
NOTHING = 3
"""
NETS = '''
from typing import Any

import torch
from torch import nn

from zoo.models import Classifier, Network, takes_options_of


class TinyNet(Network):
    """One layer."""

    name = "tinynet"

    def __init__(self, variant: str = "paper", num_classes: int = 2) -> None:
        layers = {"flat": nn.Flatten(), "fc": nn.Linear(64, num_classes)}
        super().__init__(layers, variant, (1, 8, 8), {"num_classes": num_classes})


class TinyNetModel(Classifier):
    """Trains it."""

    @takes_options_of(TinyNet, without=("variant",))
    def __init__(self, *args: Any, lr: float = 0.1, **options: Any) -> None:
        super().__init__(TinyNet("paper", *args, **options), lambda groups: torch.optim.SGD(groups, lr=lr))
'''
DATA = '''
import torch

from zoo.data.base import InMemoryDataModule
from zoo.data.transforms import Transform
from tinyzoo.entries import DATA


class BrightDark(InMemoryDataModule):
    """Squares that are bright or dark."""

    facts = DATA

    def __init__(self, batch_size: int = 10, num_held_out: int = 0, seed: int = 0) -> None:
        self.class_names = ["dark", "bright"]
        super().__init__(batch_size, num_held_out, seed, Transform((0.5,), (0.5,)))

    def read(self):
        labels = torch.arange(60) % 2
        drawn = torch.randint(0, 100, (60, 1, 8, 8), generator=torch.Generator().manual_seed(0))
        images = (drawn + 150 * labels[:, None, None, None]).to(torch.uint8)
        return {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])}
'''


@pytest.fixture
def package(tmp_path):
    """Laid out as pip leaves it, and found as pip's are: by its .dist-info on the path."""
    site = tmp_path / "site"
    (site / "tinyzoo").mkdir(parents=True)
    for name, code in {"__init__": "", "entries": ENTRIES, "nets": NETS, "data": DATA}.items():
        (site / "tinyzoo" / f"{name}.py").write_text(code)
    info = site / "tinyzoo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyzoo\nVersion: 1.0\n")
    points = "[zoo.networks]\ntinynet = tinyzoo.entries:NETWORK\nlenet5 = tinyzoo.entries:NETWORK\n"
    points += "broken = tinyzoo.gone:X\nodd = tinyzoo.entries:NOTHING\n[zoo.data]\nBrightDark = tinyzoo.entries:DATA\n"
    (info / "entry_points.txt").write_text(points)
    return site


def zoo(package, *words, status=0):
    code = f"import sys; sys.path.insert(1, {str(package)!r}); from zoo.cli import main; sys.exit(main())"
    done = preloaded.run("-c", code, *words, cwd=package.parent, check=False)
    assert done.returncode == status, done.stderr
    return done


def test_lists_name_what_a_package_adds_and_what_was_left_out(package):
    models = zoo(package, "list", "models")
    (line,) = [line for line in models.stdout.splitlines() if line.startswith("tinynet ")]
    assert line.endswith("2026  one linear layer, of another package (paper) [another package's]")
    assert models.stderr.splitlines() == [
        "zoo: lenet5 of tinyzoo is left out: there is one of this name.",
        "zoo: broken of tinyzoo is left out: ModuleNotFoundError: No module named 'tinyzoo.gone'.",
        "zoo: odd of tinyzoo is left out: it is no Entry of zoo.catalog.",
    ]
    assert "C3 table" in next(line for line in models.stdout.splitlines() if line.startswith("lenet5"))
    data = zoo(package, "list", "data").stdout
    assert "bright and dark squares, made up [another package's]" in data
    assert "another package" not in next(line for line in data.splitlines() if line.startswith("MNIST"))


def test_they_are_trained_and_measured_by_their_names_and_need_no_trust(package):
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
    words = ["--model", "TinyNetModel", "--model.lr", "0.5", "--data", "BrightDark", "--trainer.max_epochs", "3"]
    zoo(package, "fit", *words, *quiet, "--run_dir", "run")
    record = json.loads((package.parent / "run" / "record.json").read_text())
    assert (record["network"], record["dataset"]["name"], record["n"]) == ("tinynet", "bright-dark", 20)
    assert record["metrics"]["top1_error"] == 0
    assert "own" not in record
    again = json.loads(zoo(package, "info", "run", "--json").stdout)
    assert (again["network"], again["year"], again["parameters"]) == ("tinynet", 2026, 130)
    zoo(package, "benchmark", "run", "--output", "out", "--devices", "1")
    assert len([*Path(package.parent / "out").glob("*.json")]) == 1
