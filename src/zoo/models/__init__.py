"""The networks (nn.Module) and their models (LightningModule), loaded on first use; ``get_model`` builds a network."""

import inspect
from typing import Any

from zoo.catalog import NETWORKS, no_network
from zoo.errors import InputError, nearest
from zoo.imports import import_large

_HOMES = {entry.network: entry.module for entry in NETWORKS.own.values()}
_HOMES |= {entry.model: entry.model_module for entry in NETWORKS.own.values()}
_HOMES |= {
    "Classifier": "zoo.models.classifier",
    "Network": "zoo.models.network",
    "OwnModel": "zoo.models.own",
    "OwnNetwork": "zoo.models.own",
    "fully_convolutional": "zoo.models.dense",
    "takes_options_of": "zoo.models.options",
}

__all__ = ["get_model", *sorted(_HOMES)]  # noqa: PLE0604


def get_model(name: str, *, variant: str | None = None, **options: Any) -> Any:
    """A network by name, an ordinary ``nn.Module`` with its initial weights, in training mode as torch makes them.

    ``variant`` is the form, the first that ``zoo list models`` names unless given; ``options`` are the network's own,
    such as ``num_classes`` or ``input_size``. With ``num_classes`` 0 it has no last layer, as after
    ``reset_classifier(0)``. Raises InputError, a ValueError, for a name, variant or option that the zoo does not have.
    """
    if name not in NETWORKS and "." in name:
        return import_large("zoo.models.own").own_network(name, variant, options, "get_model")
    if name not in NETWORKS:
        raise no_network(name)
    entry = NETWORKS[name]
    if variant is not None and variant not in entry.variants:
        raise InputError(f"{name} has no variant {variant!r}: {nearest(variant, entry.variants)}")
    made = getattr(import_large(entry.module), entry.network)
    known = [option for option in inspect.signature(made).parameters if option != "variant"]
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no option {option!r}: {nearest(option, known)}")
    headless = options.get("num_classes") == 0
    if headless:
        options = {key: value for key, value in options.items() if key != "num_classes"}
    try:
        network = made(variant=variant or entry.variants[0], **options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {str(error).split('() ')[-1]}") from error
    if headless:
        network.reset_classifier(0)
    return network


def protocol_of(name: str, variant: str) -> str:
    """The stored name of the test protocol that a network's own model follows."""
    protocol: str = _model_of(name).protocol_of(variant)
    return protocol


def work_of(name: str) -> Any:
    """What learning from one image costs a network's own model, for the ledger."""
    return _model_of(name).work


def _model_of(name: str) -> Any:
    if name not in NETWORKS:
        # Of somebody's own network it is not known which class trained it.
        return import_large("zoo.models.classifier").Classifier
    return getattr(import_large(NETWORKS[name].model_module), NETWORKS[name].model)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) if name in _HOMES or name.startswith("__") else _added().get(name)
    if home is None:
        raise AttributeError(f"module 'zoo.models' has no attribute {name!r}")
    return getattr(import_large(home), name)


def _added() -> dict[str, str]:
    """The classes that installed packages add, with their modules: looked for only when one is asked for."""
    return {name: entry.module for entry in NETWORKS.values() for name in (entry.network, entry.model)}


def __dir__() -> list[str]:
    return __all__
