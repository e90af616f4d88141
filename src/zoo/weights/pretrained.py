"""``zoo.get_model`` and ``zoo.load``: a network by name, with weights if asked for; or anything trained."""

from pathlib import Path
from typing import Any

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.models import get_model as build
from zoo.models.network import Network
from zoo.weights.cards import list_weights, network_of, shipped
from zoo.weights.find import find
from zoo.weights.trained import Weights


def load(path: "str | Path | Weights") -> Network:
    """The trained network of a run folder, a ``.ckpt`` or ``.safetensors`` file or a name, on the CPU.

    It is in training mode, as every network that the zoo hands out: call ``.eval()`` before it answers. Only tensors
    and plain values are read, and nothing that a file holds is executed. Raises InputError where there is nothing, it
    is broken, or this package cannot have written it.
    """
    return find(path).network()


def get_model(
    name: str,
    *,
    variant: str | None = None,
    weights: "str | Path | Weights | None" = None,
    num_classes: int | None = None,
    **options: Any,
) -> Network:
    """A network by name, an ordinary ``nn.Module``: initialised, or trained where ``weights`` are given.

    It is in training mode, with weights too, as torchvision's and timm's are: call ``.eval()`` before it answers.

    ``weights`` is a name of ``list_weights``, its part after the slash for short ("mnist"), a path, or what
    ``get_weights`` returned; ``network.meta`` is then their card. ``variant`` is that of the weights unless given, and
    without weights the published form. With weights and another ``num_classes`` than theirs, the layers that this does
    not change are taken over and the last one starts anew, the way to fine-tune; ``network.meta["initialised"]`` names
    it. ``options`` are the network's own.
    Raises ValueError for a name, variant or option that the zoo does not have, and where the weights are of another.
    """
    given = options | ({"num_classes": num_classes} if num_classes is not None else {})
    if weights is None:
        network: Network = build(name, variant=variant, **given)
        return network
    if name not in NETWORKS:
        raise InputError(f"There is no network {name!r}: there is {', '.join(NETWORKS)}.")
    found = find(_full_name(name, variant, weights) if isinstance(weights, str) else weights)
    meta = found.meta
    if meta["network"] != name or variant not in (None, meta["variant"]):
        raise InputError(
            f"{found.name} are weights of {meta['network']} {meta['variant']}, not of {name}"
            f"{' ' + variant if variant else ''}: zoo list weights shows what there is."
        )
    return _with_options(found, given)


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
    changed = {key for key, value in given.items() if trained.options.get(key, value) != value}
    unknown = [key for key in given if key not in trained.options]
    if changed - {"num_classes"} or unknown:
        key = sorted(changed - {"num_classes"} or unknown)[0]
        raise InputError(
            f"{weights.name} was trained with {key} {trained.options.get(key)}, not {given[key]}:"
            f" leave {key} out, or take the network without weights."
        )
    if not changed:
        return trained
    network: Network = build(trained.name, variant=trained.variant, **trained.options | given)
    taken = network.start_from(trained)
    anew = [layer for layer, module in network.named_children() if module.state_dict() and layer not in taken]
    network.meta = (trained.meta or {}) | {"initialised": anew}
    return network
