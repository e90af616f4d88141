"""A model's options: its network's, typed once, and its own; in signature, help, refusals and the network built."""

import ast
import inspect
import re
import textwrap
from importlib import import_module
from typing import Any, get_args

import pytest
from torch import nn

import zoo.models
from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.models.classifier import Classifier
from zoo.models.network import Network
from zoo.models.options import takes_options_of

PIXELS = ["num_classes", "in_channels", "input_size"]
TRAINED = ["optimizer", "schedule"]
TUNED = ["freeze", "lr_scale"]
# What configs, Records and checkpoints hold under model.init_args.
OPTIONS = {
    "NearestNeighbourModel": [*PIXELS, "num_images", "k", "metric"],
    "EigenfacesModel": [*PIXELS, "num_images", "num_components", "k"],
    "HOGSVMModel": [*PIXELS, "cell_size", "c"],
    "PerceptronModel": [
        "variant", *PIXELS, "num_a_units", "excitatory", "inhibitory", "threshold", "wiring_seed", "average",
    ],
    "LinearModel": [*PIXELS, *TRAINED, *TUNED],
    "NeocognitronModel": ["num_classes"],
    "MLPModel": [*PIXELS, "hidden", "activation", *TRAINED, *TUNED],
    "SymmetryModel": ["optimizer"],
    "LeNet5Model": ["variant", *PIXELS, "distance_scale", "j", "num_curvature", *TRAINED, *TUNED],
    "CudaConvnetModel": ["variant", "num_classes", "input_size", "in_channels", "weight_decay", *TRAINED, *TUNED],
    "AlexNetModel": [
        "variant", "num_classes", "input_size", "order", "alpha", "init", "in_channels", "towers", *TRAINED,
        "label_smoothing", "cutmix", *TUNED,
    ],
    "ConvNetJSModel": ["num_classes", "in_channels", *TRAINED, *TUNED],
    "VGGModel": [
        "depth", "variant", "num_classes", "input_size", "head", "init", "in_channels", *TRAINED, "label_smoothing",
        "cutmix", *TUNED,
    ],
}  # fmt: skip
# Other values than the usual ones, for every option that a network keeps.
GIVEN: dict[str, dict[str, Any]] = {
    "NearestNeighbourModel": {
        "num_classes": 3, "in_channels": 1, "input_size": 4, "num_images": 7, "k": 2, "metric": "l2",
    },
    "EigenfacesModel": {
        "num_classes": 3, "in_channels": 1, "input_size": 4, "num_images": 7, "num_components": 2, "k": 3,
    },
    "HOGSVMModel": {"num_classes": 3, "in_channels": 1, "input_size": 16, "cell_size": 4},
    "PerceptronModel": {
        "num_classes": 3, "in_channels": 3, "input_size": 32,
        "num_a_units": 9, "excitatory": 1, "inhibitory": 4, "threshold": 0, "wiring_seed": 5,
    },
    "LinearModel": {"num_classes": 3, "in_channels": 1, "input_size": 4},
    "NeocognitronModel": {"num_classes": 3},
    "MLPModel": {"num_classes": 3, "in_channels": 1, "input_size": 4, "hidden": (2, 5), "activation": "elu"},
    "LeNet5Model": {"num_classes": 3, "in_channels": 3, "input_size": 32, "distance_scale": 2.0},
    "CudaConvnetModel": {"num_classes": 3, "input_size": 40, "in_channels": 2},
    "AlexNetModel": {
        "num_classes": 3, "input_size": 64, "order": "code", "alpha": "code", "init": "code", "in_channels": 2,
    },
    "ConvNetJSModel": {"num_classes": 3, "in_channels": 2},
    "VGGModel": {"num_classes": 3, "input_size": 64, "head": "linear", "in_channels": 2},
}  # fmt: skip
VARIANTS = {"PerceptronModel": "mark1", "LeNet5Model": "linear", "CudaConvnetModel": "26pct", "AlexNetModel": "cifar"}


def networks_of(model: str) -> list[type[Network]]:
    return [getattr(import_module(e.module), e.network) for e in NETWORKS.values() if e.model == model]


@pytest.mark.parametrize("name", OPTIONS)
def test_the_options_of_a_model_are_those_that_configs_and_records_hold(name):
    parameters = inspect.signature(getattr(zoo.models, name)).parameters
    assert list(parameters) == OPTIONS[name]
    for network in networks_of(name):
        for option, known in inspect.signature(network).parameters.items():
            if option in parameters:
                assert parameters[option] == known


def test_every_model_is_listed_above():
    assert set(OPTIONS) == {entry.model for entry in NETWORKS.values()}


@pytest.mark.parametrize("name", OPTIONS)
def test_no_model_types_a_parameter_of_its_network_again(name):
    source = ast.parse(textwrap.dedent(inspect.getsource(getattr(zoo.models, name).__init__)))
    function = source.body[0]
    assert isinstance(function, ast.FunctionDef)
    typed = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)} - {"self"}
    taken = {option for network in networks_of(name) for option in inspect.signature(network).parameters}
    assert not typed & taken


@pytest.mark.parametrize("name", GIVEN)
def test_the_options_of_a_model_reach_its_network(name):
    variant = {"variant": VARIANTS[name]} if name in VARIANTS else {}
    network = getattr(zoo.models, name)(**variant, **GIVEN[name]).network
    assert network.options == GIVEN[name]
    assert network.variant == VARIANTS.get(name, "paper")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_variant_may_be_the_first_argument(name):
    assert getattr(zoo.models, name)(VARIANTS[name]).network.variant == VARIANTS[name]


def test_a_model_refuses_what_its_network_does_not_take():
    with pytest.raises(TypeError, match="hidden"):
        zoo.models.LinearModel(hidden=(3,))
    with pytest.raises(TypeError, match="variant"):
        zoo.models.LinearModel(variant="paper")
    with pytest.raises(ValueError, match="no variant 'nonsense'"):
        zoo.models.AlexNetModel(variant="nonsense")


@pytest.mark.parametrize("name", OPTIONS)
def test_help_gives_type_and_meaning_of_every_option(name, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--model.help", name])
    text = capsys.readouterr().out.partition("Help for")[2]
    for option, parameter in inspect.signature(getattr(zoo.models, name)).parameters.items():
        described = re.search(rf"--model\.{option} [^\n]+?\s\s+(\S.*?)\(type:(.*?)default:", text, re.DOTALL)
        assert described, f"{name} says nothing of {option}"
        choices = get_args(parameter.annotation)
        if choices and all(isinstance(choice, str) for choice in choices):
            assert all(choice in described[2] for choice in choices)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model.variant", "nonsense"], "model.variant must be one of paper, torchvision, cifar"),
        (["--model.num_classes", "ten"], "model.num_classes must be a whole number, not 'ten'"),
        (["--model.order", "1"], "model.order must be one of paper, code, not '1'"),
        (["--model.varian", "cifar"], "did you mean model.variant?"),
        (["--model.distance_scale", "2"], "The chosen class has no key 'model.distance_scale'"),
        (["--model.variant", "caffe", "--model.order", "code"], "order 'code' is for the variants paper, cifar"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, said, tmp_path, capsys):
    assert main(["fit", "--config", "alexnet", "--run_dir", str(tmp_path / "run"), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


class Toy(Network):
    name = "toy"

    def __init__(self, variant: str = "paper", width: int = 2, *, deep: bool = False) -> None:
        """Builds it.

        Args:
            width: how wide it is
        """
        layers: dict[str, nn.Module] = {"fc": nn.Linear(width, 2)}
        super().__init__(layers, variant, (1, 1, width), {"num_classes": 2, "width": width, "deep": deep})


class ToyModel(Classifier):
    @takes_options_of(Toy, without=("variant",))
    def __init__(self, depth: int = 1, *args: Any, rate: float = 0.1, **options: Any) -> None:
        super().__init__(Toy("paper", *args, **options), lambda groups: None)


def test_the_options_of_a_network_stand_where_they_are_handed_on():
    parameters = "self, depth: int = 1, width: int = 2, *, deep: bool = False, rate: float = 0.1"
    assert str(inspect.signature(ToyModel.__init__)) == f"({parameters}) -> None"
    assert "width: how wide it is" in (ToyModel.__init__.__doc__ or "")
    assert ToyModel(1, 5, deep=True).network.options == {"num_classes": 2, "width": 5, "deep": True}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_variants_of_the_catalogue_are_those_that_a_network_builds(name):
    entry = NETWORKS[name]
    network = getattr(import_module(entry.module), entry.network)
    with pytest.raises(ValueError, match="no variant 'nonsense'") as refused:
        network(variant="nonsense")
    assert str(refused.value).rpartition("there is ")[2] == ", ".join(entry.variants)
