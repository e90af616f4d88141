"""``torch.hub.load("OWNER/zoo", "lenet5", weights="DEFAULT")``: every network, from a clone of this repository.

A folder is taken with ``source="local"``. An entry point takes the options of ``zoo.get_model``.
"""

import sys as _sys
from pathlib import Path as _Path

# What torch.hub asks for before it imports the package, which need not be installed.
dependencies = ["jsonargparse", "lightning", "numpy", "PIL", "safetensors", "torch", "torchmetrics", "yaml"]
_sys.path.insert(0, str(_Path(__file__).resolve().parent / "src"))

from zoo.catalog import NETWORKS as _NETWORKS  # noqa: E402


def get_model(name, **options):
    """Any network by name: "lenet5", "cuda_convnet-11pct", "lenet5/mnist"; see ``zoo.get_model``."""
    import zoo

    return zoo.get_model(name, **options)


def _entry_point(name):
    def entry_point(**options):
        return get_model(name, **options)

    entry_point.__name__ = name
    entry_point.__doc__ = f"{name}, {_NETWORKS[name].year}: {_NETWORKS[name].summary}. Options as ``zoo.get_model``."
    return entry_point


globals().update({name: _entry_point(name) for name in _NETWORKS})
