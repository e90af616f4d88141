"""How cuda-convnet's networks learn: the LightningModule of ``zoo.models.cuda_convnet``."""

from typing import Any

from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from zoo.errors import InputError
from zoo.evaluation.protocols import NINE_CROPS, TEN_CROPS
from zoo.models.classifier import Classifier
from zoo.models.cuda_convnet import CudaConvnet
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule, MomentumSGD
from zoo.views import center

# "wc" of the layer parameters. cuda-convnet adds -wc * rate * w to the step of every batch, and the gradient is the
# mean over the batch: torch's weight_decay is the very same number. That of "quick" is Caffe's, one for all.
WEIGHT_DECAY = {
    "11pct": {"conv1": 0.0, "conv2": 0.0, "local3": 0.004, "local4": 0.004, "fc10": 0.01},
    "13pct": {"conv1": 0.0, "conv2": 0.0, "local3": 0.004, "local4": 0.004, "fc10": 0.004},
    "18pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc10": 1.0},
    "26pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc64": 0.03, "fc10": 0.03},
    "quick": dict.fromkeys(("conv1", "conv2", "conv3", "fc64", "fc10"), 0.004),
}


_PROTOCOLS = {"11pct": TEN_CROPS, "13pct": NINE_CROPS}


class CudaConvnetModel(Classifier):
    """cuda-convnet's networks with cross-entropy, one weight decay a layer, biases at twice the rate and undecayed.

    The local networks train on crops of 24x24 and look at the middle of the held-out images; they are tested on crops
    of the whole images: 13pct on nine, as the code of 2011 did, 11pct on ten, as it did from the day that brought
    11pct. ``weight_decay`` maps each layer with weights to its coefficient, cuda-convnet's "wc", and is the variant's
    published table unless given. Raises ValueError for a table of other layers, InputError in training where the
    optimiser comes with a weight decay of its own or the images have another size than the network takes.

    Deviations and guesses: batches are drawn anew every epoch and the last one of an epoch is short; cuda-convnet goes
    through five files of 10,000 images in a fixed order and has a short batch at the end of each. A drop lowers the
    rates of weights and biases alike, as the 18pct file says ("all learning rates"); the 11pct file names those of the
    weights ("epsW") only. Of ``quick`` Caffe decays the biases, too.

    Args:
        weight_decay: the coefficient of each layer with weights; unless given the variant's published table
    """

    bias_rate = 2.0

    @takes_options_of(CudaConvnet)
    def __init__(
        self,
        *args: Any,
        weight_decay: dict[str, float] | None = None,
        optimizer: OptimizerCallable = lambda groups: MomentumSGD(groups, lr=0.001, momentum=0.9),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(CudaConvnet(*args, **options), optimizer, schedule)
        self.protocol = self.protocol_of(self.network.variant)
        published = WEIGHT_DECAY[self.network.variant]
        self.weight_decay = published if weight_decay is None else weight_decay
        if set(self.weight_decay) != set(published):
            raise ValueError(
                f"weight_decay is about the layers {', '.join(published)}, not {', '.join(self.weight_decay) or 'none'}"
            )

    @classmethod
    def protocol_of(cls, variant: str) -> str:
        """Nine or ten crops where the variant trains on crops."""
        return _PROTOCOLS.get(variant, Classifier.protocol)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, S, S) to logits; while not training, larger images too, of which the middle is taken."""
        side, size = images.shape[2], self.network.input_shape[1]
        if side < size or (self.training and side > size):
            raise InputError(
                f"{self.network.name} {self.network.variant} takes images of {size}x{size}, not of {side}x{side}:"
                f" choose another data.transform, or set model.input_size to {side}."
            )
        return self.network(center(images, size))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group a layer for its weights, then the biases of all layers."""
        layers = {name: self.network.get_submodule(name) for name in self.weight_decay}
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "weight_decay": self.weight_decay[name]} for name, layer in layers.items()
        ]
        biases = [layer.bias for layer in layers.values()]
        return [*groups, {"params": biases, "weight_decay": 0.0, "rate": self.bias_rate}]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser over these groups; its own weight decay would be overruled by theirs, so it must be 0."""
        configured: Any = super().configure_optimizers()
        optimizer = configured["optimizer"] if isinstance(configured, dict) else configured
        own = optimizer.defaults.get("weight_decay")
        if own:
            raise InputError(
                f"The optimizer's weight_decay is {own}, but {self.network.name} has one a layer:"
                " set it to 0 and change model.weight_decay."
            )
        return configured
