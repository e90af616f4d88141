"""State dicts that other PyTorch code saved, matched to the zoo's networks by shape and order, not by name."""

import inspect
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import zoo.models
from zoo.catalog import NETWORKS, no_network
from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.network import Network
from zoo.weights.sources.state_dicts import STEPS, Layer, name_of, read_layers
from zoo.weights.trained import check_state

#: The names of a layer's parameters with their shapes, by which layers are matched.
Shapes = tuple[tuple[str, tuple[int, ...]], ...]

# Options that the shapes tell, with the values that are tried where none is given; the number of classes is another.
_VGG = {"head": ("paper", "linear", "512"), "input_size": (32, 64, 224)}
_TRIED: dict[str, dict[str, tuple[Any, ...]]] = {
    "lenet5": {"in_channels": (1, 3), "input_size": (32, 28)},
    "vgg11": _VGG, "vgg13": _VGG, "vgg16": _VGG, "vgg19": _VGG,
}  # fmt: skip


def from_state_dict(
    path: str | Path | Mapping[str, Tensor], name: str, variant: str | None = None, **options: Any
) -> Network:
    """The network ``name`` of the zoo with the weights of a foreign state dict; float32, in training mode.

    ``path`` is a file of ``torch.save`` or a ``.safetensors`` file, or the state dict itself. It may be wrapped as
    training scripts do, in a dict beside epochs and optimisers or behind DataParallel's "module."; names do not matter.
    Layers are matched by the shapes of their parameters; where several have the same shapes, by their order in the file
    and by the numbers in their names, which must agree. Fully connected layers fit convolutions as large as the maps
    they read, and layers without biases get zeros. Number of classes, channels and image size follow from the shapes;
    ``variant`` and ``options``, those of ``get_model``, are needed where the shapes leave a choice.

    Shapes do not tell what lies between the layers: a LeNet with tanh and mean pooling has those of ``modern``, which
    has ReLU and maximum pooling. Nor does a file tell how its images were normalised. Nothing in a file is executed.
    Raises InputError for a file that is missing, cut short or holds more than tensors and plain values, for weights of
    another network, and where more than one form or order fits.
    """
    if name not in NETWORKS:
        raise no_network(name)
    what, layers = name_of(path), read_layers(path)
    ordered = isinstance(path, Mapping) or Path(path).suffix != ".safetensors"
    network, found = _the_one_that_fits(layers, name, variant, options, ordered, what)
    check_state(found, network, what)
    network.load_state_dict(found)
    return network


class _MisfitError(ValueError):
    """Says in a few words what does not fit; ``distance`` is how many layers do not."""

    def __init__(self, message: str, distance: int) -> None:
        super().__init__(message)
        self.distance = distance


def _with_bias(layer: Layer) -> Layer:
    """The same layer, with zeros for the bias that it does without."""
    weight = layer.get("weight")
    if weight is None or len(layer) > 1 or weight.ndim < 2:
        return layer
    return layer | {"bias": torch.zeros(len(weight))}


def _the_one_that_fits(
    layers: dict[str, Layer], name: str, variant: str | None, options: dict[str, Any], ordered: bool, what: str
) -> tuple[Network, Layer]:
    """The one form of the network that has these layers, and its state dict."""
    fits: list[tuple[str, dict[str, Any], Layer]] = []
    misfits: list[_MisfitError] = []
    refused: Exception | None = None
    for form, chosen in _candidates(layers, name, variant, options):
        try:
            with torch.device("meta"), torch.random.fork_rng(devices=[]):
                network: Network = get_model(name, variant=form, **chosen)
        except (TypeError, ValueError, RuntimeError) as error:
            refused = error
            continue
        try:
            fits.append((form, chosen, _matched(layers, network, ordered)))
        except _MisfitError as error:
            misfits.append(error)
    if not fits:
        if not misfits:
            raise InputError(_cannot_be_built(name, variant, options, refused)) from refused
        nearest = min(misfits, key=lambda error: error.distance)
        of = f"{name} {variant}" if variant else name
        raise InputError(f"{what} does not hold the weights of {of}: {nearest}.") from nearest
    if len(fits) > 1:
        raise InputError(f"{what} fits {' and '.join(_told_apart(name, fits))}: say which by variant and options.")
    form, chosen, state = fits[0]
    with torch.random.fork_rng(devices=[]):
        made: Network = get_model(name, variant=form, **chosen)
    return made, state


def _cannot_be_built(name: str, variant: str | None, options: dict[str, Any], error: Exception | None) -> str:
    """One sentence that names the variant, or the option, and what would be right."""
    forms = NETWORKS[name].variants
    if variant is not None and variant not in forms:
        return f"{name} has no variant {variant!r}: there is {', '.join(forms)}."
    parameters = inspect.signature(getattr(zoo.models, NETWORKS[name].network)).parameters
    taken = [option for option in parameters if option != "variant"]
    for option in options:
        if option not in taken:
            return f"{name} has no option {option!r}: it takes {', '.join(taken)}."
    given = " and ".join(f"{option}={value!r}" for option, value in options.items())
    # The network's own sentence; those of torch and of Python do not name the option.
    reason = str(error) if isinstance(error, ValueError) and not error.__cause__ else "leave it to the shapes"
    return f"{name} cannot be built with {given}: {reason}."


def _candidates(
    layers: dict[str, Layer], name: str, variant: str | None, options: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Variants and options that the shapes may be of; what the caller gave stays."""
    outputs = {
        len(layer["weight"]): None for layer in layers.values() if "weight" in layer and layer["weight"].ndim == 2
    }
    tried = {"num_classes": tuple(outputs) or (10,)} | _TRIED.get(name, {})
    tried = {key: values for key, values in tried.items() if key not in options}
    for form in (variant,) if variant is not None else NETWORKS[name].variants:
        for values in itertools.product(*tried.values()):
            yield form, options | dict(zip(tried, values, strict=True))


def _told_apart(name: str, fits: Sequence[tuple[str, dict[str, Any], Layer]]) -> list[str]:
    """Each form in words: its variant, and the options in which it differs from another."""
    differ = [key for key in fits[0][1] if len({str(options[key]) for _, options, _ in fits}) > 1]
    return [" ".join([name, form, *(f"{key}={options[key]}" for key in differ)]).strip() for form, options, _ in fits]


def _matched(layers: dict[str, Layer], network: Network, ordered: bool) -> Layer:
    """The state dict of ``network`` from ``layers``. Raises _MisfitError where not exactly one assignment is right."""
    ours = {name: layer.state_dict() for name, layer in network.named_children() if layer.state_dict()}
    whole = {name: _with_bias(layer) for name, layer in layers.items()}
    theirs, wanted = _by_shapes(whole), _by_shapes(ours)
    held, asked = (Counter({k: len(v) for k, v in found.items()}) for found in (theirs, wanted))
    missing, strange = asked - held, held - asked
    if missing or strange:
        distance = missing.total() + strange.total()
        if missing:
            name = wanted[next(iter(missing))][-1]
            raise _MisfitError(f"it has no layer with {_in_words(ours[name])} for {name}", distance)
        name = theirs[next(iter(strange))][-1]
        shown = repr(name) if name else "bare tensors"
        raise _MisfitError(f"the network has no place for {shown} with {_in_words(layers[name])}", distance)
    in_order = [_shapes(layer) for layer in whole.values()] == [_shapes(layer) for layer in ours.values()]
    state: Layer = {}
    for shapes, names in wanted.items():
        for name, other in zip(names, _sorted(theirs[shapes], ordered, in_order), strict=True):
            state |= {f"{name}.{key}": value for key, value in _reshaped(whole[other], ours[name], name).items()}
    return state


def _reshaped(theirs: Layer, ours: Layer, name: str) -> Layer:
    """One layer's parameters in the shapes that ours has. Raises _MisfitError for convolutions of other kernels."""
    found: Layer = {}
    for parameter, tensor in ours.items():
        if parameter == STEPS:
            found[parameter] = theirs.get(parameter, torch.tensor(0))
            continue
        value = theirs[parameter]
        # Only a fully connected layer may stand for a convolution, or the other way round.
        if value.shape != tensor.shape and 2 not in (value.ndim, tensor.ndim):
            raise _MisfitError(f"{name} needs {_in_words({parameter: tensor})}, not {_in_words({parameter: value})}", 1)
        found[parameter] = value.float().reshape(tensor.shape)
    return found


def _sorted(names: list[str], ordered: bool, in_order: bool) -> list[str]:
    """Layers of the same shapes, as they follow one another in the network.

    The order of the file counts where it has one, and surely where all layers in it stand as in the network; so do the
    numbers in names that differ in nothing else. ``.safetensors`` files are sorted by name.
    """
    if len(names) == 1:
        return names
    numbered = len({re.sub(r"\d+", "#", name) for name in names}) == 1
    by_number = sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    if (numbered and (by_number == names or not ordered)) or (ordered and in_order and not numbered):
        return by_number if numbered else names
    raise _MisfitError(f"neither order nor names tell {' and '.join(names[:2])} apart, which have the same shapes", 0)


def _by_shapes(layers: Mapping[str, Layer]) -> dict[Shapes, list[str]]:
    """The names of the layers that have each set of shapes."""
    found: dict[Shapes, list[str]] = {}
    for name, layer in layers.items():
        found.setdefault(_shapes(layer), []).append(name)
    return found


def _shapes(layer: Layer) -> Shapes:
    """Each parameter with its shape; weights as rows, so that a layer that reads whole maps is one in either form."""
    return tuple(
        sorted(
            (name, (len(tensor), tensor[0].numel()) if tensor.ndim > 1 and len(tensor) else tuple(tensor.shape))
            for name, tensor in layer.items()
            if name != STEPS
        )
    )


def _in_words(layer: Layer) -> str:
    """Each parameter with its shape."""
    shapes = {name: "x".join(map(str, tensor.shape)) for name, tensor in layer.items() if name != STEPS}
    return ", ".join(f"{name or 'a tensor'} {shape or 'of one number'}" for name, shape in shapes.items())
