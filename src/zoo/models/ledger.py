"""The compute ledger of a Record: the multiply-accumulates of one image and of a whole training."""

from dataclasses import dataclass
from typing import Any

import torch

from zoo.models.network import Network
from zoo.models.summary import summarize, total_macs


@dataclass(frozen=True)
class Work:
    """What learning from one image costs, in forward passes (None: not countable so), and the convention in words."""

    forward_passes: int | None
    convention: str


#: The first layer needs no gradient by its input, and the optimiser's own work on the weights is left out.
BACK_PROPAGATION = Work(
    3, "back-propagation, 3 x macs an image: forward, gradient by the inputs, gradient by the weights"
)


def compute(network: Network, work: Work, images: int) -> dict[str, Any]:
    """The Record's ``compute``: ``macs`` of one view of an image, ``train_macs`` of ``images`` images, the convention.

    None stands for what cannot be counted: a network with a layer that ``zoo info`` has no rule for, or one that cannot
    be built again from its options; a training that is no sequence of forward passes.
    """
    macs = macs_of(network)
    train = None if macs is None or work.forward_passes is None else work.forward_passes * macs * images
    return {"macs": macs, "train_macs": train, "convention": work.convention}


def macs_of(network: Network) -> int | None:
    """The multiply-accumulates of one image, as ``zoo info`` counts them; or None, as in ``compute``."""
    make: Any = type(network)
    try:
        if network.is_own:
            # Nobody knows what it would do without storage.
            return total_macs(summarize(network))[0]
        # Built anew without storage: a forward pass through the trained one takes time and memory.
        with torch.device("meta"):
            shape = make(variant=network.variant, **network.options)
        return total_macs(summarize(shape))[0]
    except TypeError:
        return None
