"""Over how many images a batch normalisation takes its mean and variance."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def images_seen(network: nn.Module, batch_size: int, num_processes: int, synchronized: bool = False) -> float | None:
    """The images of one forward pass that a batch normalisation sees; None where the network has none.

    ``batch_size`` are the images of all processes together. A normalisation sees them all where it is synchronised,
    else its process's share, the mean of them where shares differ by an image. Gradients that are gathered over several
    batches change nothing: each batch is normalised by itself.
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return None
    if synchronized or num_processes == 1 or all(isinstance(layer, nn.SyncBatchNorm) for layer in layers):
        return batch_size
    share = batch_size / num_processes
    return int(share) if share.is_integer() else share
