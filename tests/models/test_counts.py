"""Parameters and multiply-accumulates of every network in the literature's count tables, beside published totals."""

import pytest
import torch
from torch import nn

import zoo
from zoo.models.network import Network
from zoo.models.summary import summarize, total_macs

# name, variant, options, parameters, multiply-accumulates of convolutions and fully connected layers (RBF included).
TOTALS = [
    ("linear", "paper", {}, 30_730, 30_720),
    ("linear", "paper", {"in_channels": 1, "input_size": 28}, 7_850, 7_840),
    ("perceptron", "paper", {}, 30_730, 30_720),
    ("mlp", "paper", {}, 308_310, 308_200),
    ("symmetry", "paper", {}, 17, 14),
    ("neocognitron", "paper", {}, 29_472, 153_600 + 921_600 + 57_600 + 60_000 + 21_600 + 96),
    ("lenet5", "paper", {}, 60_000, 326_520),
    ("lenet5", "linear", {}, 60_850, 326_520),
    ("lenet5", "paper", {"in_channels": 3}, 60_300, 326_520 + 2 * 6 * 25 * 28 * 28),
    ("lenet5", "modern", {}, 61_706, 416_520),
    ("lenet5", "modern", {"in_channels": 3}, 62_006, 651_720),
    ("lenet5", "modern", {"input_size": 28}, 44_426, 281_640),
    ("lenet5", "caffe", {}, 431_080, 2_293_000),
    ("alexnet", "paper", {}, 60_965_224, 724_406_816),
    ("alexnet", "joined", {"input_size": 224}, 62_378_344, 1_135_256_096),
    ("alexnet", "one_gpu", {}, 59_798_312, 391_514_384),
    ("alexnet", "torchvision", {}, 61_100_840, 714_188_480),
    ("vgg16", "paper", {}, 138_357_544, 15_470_264_320),
    ("vgg16", "bn", {}, 138_365_992, 15_470_264_320),
    ("vgg16", "bn", {"head": "linear", "input_size": 32, "num_classes": 10}, 14_728_266, 313_201_664),
    ("vgg16", "paper", {"head": "linear", "input_size": 32, "num_classes": 10}, 14_719_818, 313_201_664),
    ("convnetjs", "paper", {}, 22_466, 3_920_000),
    ("cuda_convnet", "18pct", {}, 89_578, 12_298_240),
    ("cuda_convnet", "26pct", {}, 145_578, 12_354_176),
    ("cuda_convnet", "13pct", {}, 1_116_490, 18_517_248),
    ("cuda_convnet", "11pct", {}, 2_112_970, 19_512_576),
]


def built(name: str, variant: str, options: dict) -> Network:
    # Imported before the meta device is set, which would catch tensors that modules make on import.
    zoo.get_model("linear")
    with torch.device("meta"):
        return zoo.get_model(name, variant=variant, **options)


@pytest.mark.parametrize(("name", "variant", "options", "parameters", "macs"), TOTALS)
def test_totals(name, variant, options, parameters, macs):
    network = built(name, variant, options)
    rows = summarize(network)
    assert sum(p.numel() for p in network.parameters()) == sum(row.parameters for row in rows) == parameters
    assert total_macs(rows)[0] == macs


def test_lenet5_with_its_subsampling_multiplies_328_096_times():
    assert sum(total_macs(summarize(built("lenet5", "paper", {})))) == 328_096


def test_lenet5_has_the_connections_of_the_paper():
    """Every output unit has one connection a weight that it reads and one for its bias (section II.B)."""
    rows = {row.name: row for row in summarize(built("lenet5", "paper", {}))}
    units = {name: torch.Size(row.output_shape).numel() for name, row in rows.items()}
    connections = {name: rows[name].macs + units[name] for name in ("c1", "c3", "c5", "f6")}
    # A sum of four neighbours, times a coefficient: four connections and a bias.
    connections |= {name: 5 * units[name] for name in ("s2", "s4")}
    assert connections == {"c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164}
    assert sum(connections.values()) + rows["output"].macs == 340_908


def test_the_family_tree_network_of_1986_would_have_630_weights():
    """24 people and 12 relations to 6 units each, 12 units, 6 units, 24 people: counted, not part of the zoo."""
    people, relations = nn.Linear(24, 6), nn.Linear(12, 6)
    layers = [people, relations, nn.Linear(12, 12), nn.Linear(12, 6), nn.Linear(6, 24)]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == [150, 78, 156, 78, 168]
    assert sum(p.numel() for layer in layers for p in layer.parameters()) == 630
