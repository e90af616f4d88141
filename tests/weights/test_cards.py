"""The weights that the package carries: every card true, every score recomputed from the file that is shipped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, slow_where
from export_cases import one_of_each_kind
from weights_cases import NAME, make_run

import zoo
from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.errors import InputError
from zoo.weights import cards
from zoo.weights.cards import NAME as PATTERN
from zoo.weights.cards import PLANNED, SHIPPED, card_schema, read_card, shipped
from zoo.weights.export import ship
from zoo.weights.export.scoring import measure

TEST_DATA = os.environ.get("ZOO_TEST_DATA")
NAMES = list(shipped())
#: Those that need no network.
HERE = [name for name, card in shipped().items() if card.with_suffix(".safetensors").is_file()]
ONCE = one_of_each_kind(NAMES)
# They take seconds or minutes over a test set.
LARGE = ("alexnet", "convnetjs", "cuda_convnet", "vgg")


def test_the_shipped_weights_fit_into_a_wheel():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*.*")) <= 60e6
    weights = {path.with_suffix("").relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*.safetensors")}
    assert weights == set(HERE)
    for name in set(NAMES) - weights:
        assert read_card(shipped()[name])["url"].startswith("https://")


def test_the_table_of_the_benchmarks_has_what_the_cards_say():
    table = (ROOT / "benchmarks" / "README.md").read_text("utf-8").split("| weights | run: top-1 wrong |")[1]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.split("\n\n")[0].splitlines()[2:]]
    of_cards = []
    for name, path in shipped().items():
        card = read_card(path)
        counts = [card["record"]["metrics"]["top1_wrong"], card["scores"]["top1_wrong"], card["scores"]["n"]]
        of_cards.append([name, *(f"{count:,}" for count in counts), f"{card['bytes'] / 1e6:.2f}"])
    assert sorted(row[:4] + row[5:] for row in rows) == sorted(of_cards)


def test_what_is_planned_has_names_of_networks_and_variants():
    for name in PLANNED:
        assert PATTERN.fullmatch(name)
        network, _, variant = name.partition("/")[0].partition("-")
        assert not variant or variant in NETWORKS[network].variants


@pytest.mark.parametrize("name", HERE)
def test_a_shipped_file_is_what_its_card_says(name):
    card, weights = shipped()[name], zoo.get_weights(name)
    weights.verify()
    content = read_card(card)
    assert content["name"] == name
    assert content["scores"] is not None
    assert content["bytes"] == card.with_suffix(".safetensors").stat().st_size
    network = weights.network().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == content["parameters"]
    assert len(content["class_names"]) == network.num_classes


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_record_is_among_the_benchmarks(name):
    record = read_card(shipped()[name])["record"]
    kept = [json.loads(path.read_text()) for path in (ROOT / "benchmarks" / "results").rglob("*.json")]
    assert record in kept


def root_of(class_name):
    """Where the data are, or None where they are not here."""
    if class_name in ("Digits", "FiveDigits", "Symmetry"):
        return "data"
    return TEST_DATA


@pytest.mark.parametrize("name", slow_where(lambda name: name.startswith(LARGE) or name not in ONCE, NAMES))
def test_a_shipped_files_scores_are_recomputed_exactly(name):
    weights = zoo.get_weights(name)
    root = root_of(weights.data.class_name)
    if root is None:
        pytest.skip("needs ZOO_TEST_DATA")
    if name not in HERE and not weights.path.is_file():
        pytest.skip(f"is not fetched yet: zoo benchmark {name}")
    scores = weights.meta["scores"]
    found, measures = measure(weights, root, scores["batch_size"])
    assert found == scores
    stated = weights.meta["measures"]
    assert {key: value for key, value in measures.items() if key != "calibration"} == {
        key: value for key, value in stated.items() if key != "calibration"
    }
    # Counts to the image; sums of probabilities as far as another processor may round them.
    found, stated = measures["calibration"], stated["calibration"]
    assert [found[key] for key in ("bins", "images", "right")] == [stated[key] for key in ("bins", "images", "right")]
    for key in ("nll", "ece"):
        assert found[key] == pytest.approx(stated[key], rel=1e-5)
    # One image's probability was 4e-5 away on a processor without AVX-512: the mean over n images less by as much. The
    # perceptron's logits are thousands, which float32 has to a thousandth, and so is its mean loss: there it was 5e-4.
    image = max(1e-4, 2e-6 * stated["nll"])
    for one, other, images in zip(found["mean_confidence"], stated["mean_confidence"], stated["images"], strict=True):
        assert one == (other if other is None else pytest.approx(other, rel=1e-5 + image / images))


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return ship.write(make_run(folder / "run"), NAME, folder / "out")


def test_a_card_says_all_that_it_must(card):
    content = read_card(card)
    assert content["network"] == "linear"
    assert content["variant"] == "paper"
    assert content["options"] == {"num_classes": 10, "in_channels": 1, "input_size": 8}
    assert content["preprocessing"]["input_shape"] == [1, 8, 8]
    assert content["preprocessing"]["std"] == [1 / 255]
    assert content["data"]["fingerprint"] == content["record"]["dataset"]["fingerprint"]
    assert content["commit"] == content["record"]["git"]["commit"]
    assert content["licence"] == "Apache-2.0"
    assert set(content) == set(card_schema()["properties"]) - {"url"}


def test_the_card_is_shown_and_listed(card, monkeypatch, capsys):
    monkeypatch.setattr(cards, "SHIPPED", card.parents[1])
    assert main(["list", "weights"]) == 0
    listed = capsys.readouterr().out
    assert any(line.startswith("linear/digits") and "(n = 360)" in line for line in listed.splitlines())
    assert "vgg16-bn/cifar10" in listed
    assert "not trained yet" in listed
    assert "torchvision/vgg16_bn" in listed
    assert main(["info", "weights", NAME, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_card(card)
    assert main(["info", "weights", NAME]) == 0
    shown = capsys.readouterr().out
    for words in ("linear/digits", "650", "single view", "Apache-2.0", "float16", "seed"):
        assert words in shown
    assert "mean_image" not in shown
    assert main(["info", "weights", "vgg16-bn/cifar10"]) == 2
    assert "not trained yet" in capsys.readouterr().err


def test_cards_are_listed_without_torch():
    code = (
        "import sys; from zoo.cli import main; main(['list', 'weights']);"
        "print('HEAVY', sorted({'torch', 'lightning', 'numpy', 'torchvision', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_other_data_than_the_cards_are_not_scored(card, monkeypatch):
    from zoo.data import Digits
    from zoo.errors import InputError

    read = Digits.read

    def swapped(self):
        data = read(self)
        return {"train": data["test"], "test": data["train"]}

    monkeypatch.setattr(Digits, "read", swapped)
    with pytest.raises(InputError, match="these are different images"):
        measure(zoo.get_weights(Path(card).with_suffix(".safetensors")))


def test_weights_that_are_planned_lead_to_those_of_another_recipe(monkeypatch, tmp_path):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    with pytest.raises(InputError, match="not trained yet: zoo list weights shows those that are"):
        zoo.get_weights("vgg16-bn/cifar10")
    (tmp_path / "vgg16-bn").mkdir()
    (tmp_path / "vgg16-bn" / "cifar10-short.json").touch()
    with pytest.raises(InputError, match=r"not trained yet: there is vgg16-bn/cifar10-short\."):
        zoo.get_weights("vgg16-bn/cifar10")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("calibration", "images", 14), 1, "calibration"),
        (("confusion", 0, 1), 7, "confusion"),
        (("per_class", "top1_wrong", 0), 300, "per_class"),
        (("per_class",), None, "measures.per_class"),
        (("near_ties",), -1, "near_ties"),
    ],
)
def test_measures_that_do_not_fit_the_scores_are_refused(card, place, value, said):
    content = read_card(card)
    *around, last = place
    part = content["measures"]
    for key in around:
        part = part[key]
    part[last] = value
    with pytest.raises(InputError, match=f"is not a card .*{said}"):
        cards.check_card(content, "x.json")


def test_an_older_card_without_measures_is_read(card):
    content = read_card(card)
    del content["measures"]
    cards.check_card(content, "x.json")
