"""What the catalogue says of a data set: complete, true of the data, and what its class and all others go by."""

import ast
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

import zoo.data
from zoo.catalog import DATA, DataSet, data_named
from zoo.commands.data import fetch
from zoo.data.base import ImageDataModule, InMemoryDataModule
from zoo.errors import InputError
from zoo.results.published import FILE, load
from zoo.weights.preprocessing import stored_shape

CLASSES = {name: getattr(import_module(entry.module), name) for name, entry in DATA.items()}
IN_MEMORY = [name for name, entry in DATA.items() if entry.storage == "memory"]
#: What needs no file: read here, so that its facts are held to the data.
AT_HAND = [name for name in IN_MEMORY if DATA[name].source != "download"]


def lacks(name: str) -> list[str]:
    """A sentence for everything that a listed data set does not say of itself or its class does not go by."""
    entry, found = DATA[name], []
    if vars(CLASSES[name]).get("facts") is not entry:
        found.append(f'{entry.module}: {name} lacks the line facts = DATA["{name}"]')
    for field in ("title", "summary", "name"):
        if not getattr(entry, field):
            found.append(f"src/zoo/catalog.py: {name} has no {field}")
    if entry.source not in ("made", "own"):
        if "test" not in entry.images and entry.test_split not in entry.images:
            found.append(f"src/zoo/catalog.py: {name} has no official count of its test images")
        if entry.storage == "memory" and not (entry.fingerprints or getattr(CLASSES[name], "sums", None)):
            found.append(f"src/zoo/catalog.py: {name} has neither a fingerprint of its official copy nor checksums")
    # A stream is of photos, which the configs of another data set are on; one's own images are on nobody else's disk.
    wanted = entry.storage != "stream" and entry.source != "own"
    if wanted and not any(_uses(path, name) for path in (ROOT / "configs").rglob("*.yaml")):
        found.append(f"configs: no experiment is on {name}")
    return found


def _uses(path: Path, name: str) -> bool:
    data = yaml.safe_load(path.read_text()).get("data", {})
    return data.get("class_path", "").rpartition(".")[2] == name


@pytest.mark.parametrize("name", DATA)
def test_a_listed_data_set_is_complete(name):
    assert lacks(name) == []


def test_what_a_data_set_lacks_is_named(monkeypatch):
    class Stripes(InMemoryDataModule):
        name = "stripes"

    entry = DataSet(
        module="zoo.data.stripes", name="stripes", title="", summary="stripes", storage="memory", source="download",
        stored=(1, 8, 8), hub=None,
    )  # fmt: skip
    monkeypatch.setitem(DATA.own, "Stripes", entry)
    monkeypatch.setitem(CLASSES, "Stripes", Stripes)
    assert lacks("Stripes") == [
        'zoo.data.stripes: Stripes lacks the line facts = DATA["Stripes"]',
        "src/zoo/catalog.py: Stripes has no title",
        "src/zoo/catalog.py: Stripes has no official count of its test images",
        "src/zoo/catalog.py: Stripes has neither a fingerprint of its official copy nor checksums",
        "configs: no experiment is on Stripes",
    ]


@pytest.mark.parametrize("left_out", ["title", "storage", "source", "stored", "hub"])
def test_what_every_data_set_has_cannot_be_left_out(left_out):
    said = {field.name: getattr(DATA["MNIST"], field.name) for field in fields(DataSet) if field.name != left_out}
    with pytest.raises(TypeError, match=f"'{left_out}'"):
        DataSet(**said)


def test_every_data_module_of_the_package_is_listed():
    found = set()
    for path in (ROOT / "src" / "zoo" / "data").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any("facts" in ast.dump(line) for line in node.body[:2]):
                found.add(node.name)
    assert found - {"ImageDataModule"} == set(DATA)


@pytest.mark.parametrize("name", AT_HAND)
def test_counts_and_shape_are_those_of_the_data(name):
    data, entry = CLASSES[name](), DATA[name]
    arrays = data.read()
    shape = tuple(arrays["test"][0].shape[1:])
    assert stored_shape(name) in (shape, None)
    for split, number in entry.num_images.items():
        assert len(arrays[split][1]) == number
    data.setup()
    assert data.fingerprint in entry.fingerprints or not entry.fingerprints


def test_official_counts_are_those_that_the_papers_print():
    assert DATA["MNIST"].num_images == {"train": 60_000, "test": 10_000}
    assert DATA["CIFAR10"].num_images == {"train": 50_000, "test": 10_000}
    # Ten classes each; of MNIST's test images 1,135 are ones and 892 fives.
    assert {len(each) for name in ("MNIST", "CIFAR10") for each in DATA[name].images.values()} == {10}
    assert (DATA["MNIST"].images["test"][1], DATA["MNIST"].images["test"][5]) == (1135, 892)


def test_a_record_s_name_leads_to_the_data_set():
    assert data_named("cifar10") is DATA["CIFAR10"]
    assert data_named("imagenet") is DATA["ImageNet"]
    assert data_named("somebody's own") is None


def test_the_published_figures_take_the_data_sets_of_the_zoo_from_the_catalogue():
    datasets = load().datasets
    assert not set(yaml.safe_load(FILE.read_text())["datasets"]) & {entry.name for entry in DATA.values()}
    for name in ("Digits", "MNIST", "CIFAR10", "ImageNet"):
        assert datasets[DATA[name].name].title == DATA[name].title
        assert datasets[DATA[name].name].images == DATA[name].num_images
    # What is measured as "test" of ImageNet are the 50,000 validation images.
    assert datasets["imagenet"].record_split == {"test": "val"}
    assert datasets["imagenet"].images["val"] == 50_000


def test_a_class_of_one_s_own_needs_a_name_alone():
    class Own(InMemoryDataModule):
        name = "own"

    class Smaller(CLASSES["CIFAR10"]):
        name = "smaller"

    assert (Own.name, Own.facts) == ("own", None)
    assert Smaller.name == "smaller"
    assert ImageDataModule.facts is None


@pytest.mark.parametrize(
    ("name", "way"), [("ImageNet", "register at"), ("StreamedImageNet", "register at"), ("Symmetry", "no download")]
)
def test_what_is_not_fetched_says_how_one_comes_by_it(name, way, tmp_path):
    with pytest.raises(InputError, match=f"{way}.*knows CIFAR10, CIFAR100, .* and TinyImageNet"):
        fetch(name, str(tmp_path))


def test_every_class_has_the_name_that_its_records_have():
    assert {name: getattr(zoo.data, name).name for name in DATA} == {
        "Digits": "digits", "FiveDigits": "five-digits", "MNIST": "mnist", "CIFAR10": "cifar10",
        "CIFAR100": "cifar100", "FashionMNIST": "fashion-mnist", "KMNIST": "kmnist", "SVHN": "svhn", "STL10": "stl10",
        "TinyImageNet": "tiny-imagenet", "ImageFolder": "image-folder", "CSVImages": "csv-images",
        "HuggingFaceImages": "huggingface-images",
        "ImageNet": "imagenet", "StreamedImageNet": "imagenet", "Symmetry": "symmetry",
        "SmokeImageNet": "smoke-imagenet",
    }  # fmt: skip
