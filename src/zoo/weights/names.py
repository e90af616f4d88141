"""The names that ``zoo.get_model`` takes, and lists of them. Imports no torch."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from zoo.catalog import NETWORKS, networks_by_year
from zoo.errors import InputError, nearest
from zoo.weights.cards import list_weights

Patterns = str | Iterable[str]


def list_models(filter: Patterns = "", *, pretrained: bool = False, exclude_filters: Patterns = "") -> list[str]:
    """The names that ``get_model`` knows, as timm's ``list_models``.

    They are those of the networks, by the year of their paper, then by name; where ``pretrained``, those of trained
    weights, such as "lenet5/mnist". ``filter`` and ``exclude_filters`` are patterns of a shell, one or several; one
    with a hyphen, such as "vgg*-bn", is for variants.
    """
    wanted, unwanted = _several(filter), _several(exclude_filters)
    names = list_weights() if pretrained else networks_by_year()
    if not pretrained and any("-" in pattern for pattern in wanted):
        names = [name for network in names for name in (network, *_variants(network))]
    return [name for name in names if (not wanted or _fits(name, wanted)) and not _fits(name, unwanted)]


def network_and_variant(name: str) -> tuple[str, str | None]:
    """Of "lenet5" or "cuda_convnet-11pct". Raises InputError, with the nearest names, where there is none."""
    network, _, variant = name.partition("-")
    if name in NETWORKS:
        return name, None
    if network not in NETWORKS:
        raise InputError(f"There is no network {name!r}: {_near(name)}")
    if variant not in NETWORKS[network].variants:
        raise InputError(f"{network} has no variant {variant!r}: {nearest(variant, NETWORKS[network].variants)}")
    return network, variant


def _near(name: str) -> str:
    """Names of networks first; where none is near, those of variants and weights are tried before all are listed."""
    listed = nearest(name, NETWORKS)
    if listed.startswith("did you mean"):
        return listed
    others = nearest(name, [*(full for network in NETWORKS for full in _variants(network)), *list_weights()])
    return others if others.startswith("did you mean") else listed


def _variants(network: str) -> list[str]:
    return [f"{network}-{variant}" for variant in NETWORKS[network].variants]


def _several(patterns: Patterns) -> list[str]:
    return [pattern for pattern in ([patterns] if isinstance(patterns, str) else patterns) if pattern]


def _fits(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
