"""What the baselines share: a network that sees the training images once and then computes what it needs of them."""

from torch import Tensor

from zoo.models.network import Network


class BaselineNetwork(Network):
    """A network without gradients: ``fit`` takes the place of training."""

    #: How many training images it stores; None where their number is free.
    num_stored: int | None = None

    def fit(self, images: Tensor, labels: Tensor) -> None:
        """Learns from all training images at once: uint8 (N, C, H, W), labels int64 (N,)."""
        raise NotImplementedError
