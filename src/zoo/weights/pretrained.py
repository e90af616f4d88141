"""``zoo.get_model`` and ``zoo.load``: a network by name, with weights if asked for; or anything trained."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.models import get_model as build
from zoo.models.network import Network
from zoo.weights.cards import list_weights, network_of, shipped
from zoo.weights.find import find, get_weights
from zoo.weights.names import network_and_variant
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from zoo.models.feature_maps import FeatureMaps

#: The word for the best weights there are, as in torchvision.
DEFAULT = "DEFAULT"
_GivenWeights = str | Path | Weights | None


def load(path: "str | Path | Weights", trust: str | None = None) -> Network:
    """The trained network of a run folder, a ``.ckpt`` or ``.safetensors`` file or a name, on the CPU.

    It is in training mode, as every network that the zoo hands out: call ``.eval()`` before it answers. Only tensors
    and plain values are read, and nothing that a file holds is executed; ``trust`` is the module with the class of
    somebody's own network, which is imported. Raises InputError where there is nothing, it is broken, or this package
    cannot have written it.
    """
    return get_weights(path, trust).network()


@overload
def get_model(
    name: str,
    *,
    variant: str | None = None,
    weights: _GivenWeights = None,
    num_classes: int | None = None,
    features_only: Literal[False] = False,
    out_indices: None = None,
    **options: Any,
) -> Network: ...
@overload
def get_model(
    name: str,
    *,
    variant: str | None = None,
    weights: _GivenWeights = None,
    num_classes: int | None = None,
    features_only: Literal[True],
    out_indices: tuple[int, ...] | None = None,
    **options: Any,
) -> "FeatureMaps": ...
def get_model(
    name: str,
    *,
    variant: str | None = None,
    weights: _GivenWeights = None,
    num_classes: int | None = None,
    features_only: bool = False,
    out_indices: tuple[int, ...] | None = None,
    **options: Any,
) -> "Network | FeatureMaps":
    """A network by name, an ordinary ``nn.Module``: initialised, or trained where ``weights`` are given.

    It is in training mode, with weights too, as torchvision's and timm's are: call ``.eval()`` before it answers.

    ``name`` is "lenet5", with a variant "cuda_convnet-11pct", or that of weights, "lenet5/mnist", which it then has.
    ``weights`` is a name of ``list_weights``, its part after the slash for short ("mnist"), "DEFAULT", a path, or what
    ``get_weights`` returned; ``network.meta`` is then their card. "DEFAULT" is the best for the network's own options,
    those measured on the most test images and then with the fewest errors. ``variant`` is that of the weights unless
    given, and without weights the published form. With weights and another ``num_classes`` than theirs, the layers that
    this does not change are taken over and the last one starts anew, the way to fine-tune; ``network.meta
    ["initialised"]`` names it. 0 leaves out the last layer. With another ``in_channels`` the first layer's weights are
    added up for one channel, or repeated and divided for more, as in timm. ``features_only`` gives a list of maps
    instead of logits, those of ``out_indices``: see ``feature_maps``. ``options`` are the network's own.
    Raises ValueError for a name, variant or option that the zoo does not have, and where the weights are of another.
    """
    given = options | ({"num_classes": num_classes} if num_classes is not None else {})
    network = _network(name, variant, weights, given)
    if out_indices is not None and not features_only:
        raise InputError("out_indices chooses among the maps of features_only=True: give both, or leave it out.")
    if not features_only:
        return network
    # Imported here, for it brings in what counts operations.
    from zoo.models.feature_maps import feature_maps

    return feature_maps(network, out_indices)


def _network(name: str, variant: str | None, weights: _GivenWeights, given: dict[str, Any]) -> Network:
    if "/" in name:
        # Of weights: shipped, torchvision's, or on a hub.
        if weights is not None:
            raise InputError(f"{name!r} names weights already: leave out weights={str(weights)!r}, or the slash.")
        weights = find(name)
        name = weights.meta["network"]
    else:
        name, named = network_and_variant(name)
        if named is not None and variant not in (None, named):
            raise InputError(f"{name}-{named} is the variant {named}, not {variant}: leave out variant={variant!r}.")
        variant = named if named is not None else variant
    if weights is None:
        network: Network = build(name, variant=variant, **given)
        return network
    if weights == DEFAULT:
        weights = default_weights(name, variant)
    found = find(_full_name(name, variant, weights) if isinstance(weights, str) else weights)
    meta = found.meta
    if meta["network"] != name or variant not in (None, meta["variant"]):
        raise InputError(
            f"{found.name} are weights of {meta['network']} {meta['variant']}, not of {name}"
            f"{' ' + variant if variant else ''}: zoo list weights shows what there is."
        )
    return _with_options(found, given)


def default_weights(name: str, variant: str | None = None) -> str:
    """The name of the weights that "DEFAULT" means. Raises InputError where the network has none."""
    known = {full: find(full).meta for full in list_weights(name)}
    for form in NETWORKS[name].variants if variant is None else (variant,):
        of_form = {full: meta for full, meta in known.items() if meta["variant"] == form}
        if of_form:
            with torch.device("meta"):
                own = build(name, variant=form).options
            return max(of_form, key=lambda full: _rank(of_form[full], own))
    raise InputError(f"There are no weights of {name}{f' {variant}' if variant else ''}: leave out weights='DEFAULT'.")


def _rank(meta: dict[str, Any], own: dict[str, Any]) -> tuple[bool, int, float]:
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in meta["options"].items()}
    # torchvision's cards have no counts; their weights are those of ImageNet.
    measured = meta.get("scores") or (meta.get("record") or {}).get("metrics") or {"top1_error": 100.0}
    tested = meta["data"]["num_images"] if "data" in meta else 50_000
    return own | options == own, tested, -measured["top1_error"]


def _full_name(name: str, variant: str | None, weights: str) -> str:
    """``weights`` itself where it is a name or a path; of a data set's name the shipped weights of this network."""
    if "/" in weights or Path(weights).suffix in (".ckpt", ".safetensors", ".caffemodel", ".json"):
        return weights
    stems = [name] if variant is None else [f"{name}-{variant}"]
    if variant == NETWORKS[name].variants[0]:
        stems.append(name)
    known = [full for full in shipped() if full.partition("/")[2] == weights]
    exact = [full for full in known if full.partition("/")[0] in stems]
    others = [full for full in known if variant is None and network_of(full) == name]
    if exact or len(others) == 1:
        return (exact or others)[0]
    if others:
        raise InputError(f"weights={weights!r} may be {' or '.join(others)}: give the whole name, or a variant.")
    names = ", ".join(list_weights(name)) or "none"
    form = f"{name} {variant}" if variant else name
    raise InputError(f"There are no weights of {form} named {weights!r}; of {name} there are: {names}.")


def _with_options(weights: Weights, given: dict[str, Any]) -> Network:
    trained = weights.network()
    own = {"in_channels": trained.input_shape[0]} | trained.options
    known = inspect.signature(type(trained)).parameters
    changed = {key for key, value in given.items() if own.get(key, value) != value}
    unknown = [key for key in given if key not in known]
    if changed - {"num_classes", "in_channels"} or unknown:
        key = sorted(changed - {"num_classes", "in_channels"} or unknown)[0]
        raise InputError(
            f"{weights.name} was trained with {key} {trained.options.get(key)}, not {given[key]}:"
            f" leave {key} out, or take the network without weights."
        )
    if not changed:
        return trained
    if changed == {"num_classes"} and not given["num_classes"]:
        trained.reset_classifier(0)
        return trained
    network: Network = build(trained.name, variant=trained.variant, **trained.options | given)
    taken = network.start_from(trained)
    adapted = _adapt_channels(network, trained, weights.name) if "in_channels" in changed else []
    anew = [
        layer
        for layer, module in network.named_children()
        if module.state_dict() and layer not in taken and layer not in adapted
    ]
    network.meta = (trained.meta or {}) | {"initialised": anew} | ({"adapted": adapted} if adapted else {})
    return network


@torch.no_grad()
def _adapt_channels(network: Network, trained: Network, name: str) -> list[str]:
    """Makes the first layer's weights from those for another number of channels; returns its name, if it has changed.

    For one channel they are added up, so that a grey image gives what it gave as a colour image with equal channels;
    for more they are repeated, and divided so that the sums keep their size.
    """
    layer, first = next((layer, module) for layer, module in network.named_children() if module.state_dict())
    state, wanted = trained.get_submodule(layer).state_dict(), first.state_dict()
    if all(state[key].shape == tensor.shape for key, tensor in wanted.items()):
        return []
    if not isinstance(first, torch.nn.Conv2d | torch.nn.Linear):
        raise InputError(f"{name} cannot be turned to other channels than {trained.input_shape[0]}: it stores images.")
    before, after = trained.input_shape[0], network.input_shape[0]
    adapted = _of_channels(state["weight"].reshape(len(state["weight"]), before, -1), after)
    first.load_state_dict(state | {"weight": adapted.reshape(wanted["weight"].shape)})
    return [layer]


def _of_channels(weight: Tensor, after: int) -> Tensor:
    """Weights (units, channels, places) for ``after`` channels."""
    if after == 1:
        return weight.sum(dim=1, keepdim=True)
    before = weight.shape[1]
    return weight.repeat(1, -(-after // before), 1)[:, :after] * (before / after)
