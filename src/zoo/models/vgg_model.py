"""How VGG learns (Simonyan and Zisserman 2014): the LightningModule of ``zoo.models.vgg``."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable

from zoo.models.classifier import Classifier
from zoo.models.options import takes_options_of
from zoo.models.vgg import VGG, VGG11, VGG13, VGG16, VGG19, Depth
from zoo.optim import AnySchedule


class VGGModel(Classifier):
    """VGG of the given depth with cross-entropy.

    ``label_smoothing``, a share of each target that is spread over all classes, and ``cutmix``, the probability that a
    step's images are mixed (Yun et al. 2019), are later than the paper and 0 unless they are given.

    Deviations and guesses: weight decay leaves biases and batch normalisation alone; the paper does not say.

    Args:
        depth: how many layers with weights there are
    """

    @takes_options_of(VGG)
    def __init__(
        self,
        depth: Depth = 16,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule: AnySchedule | None = None,
        label_smoothing: float = 0.0,
        cutmix: float = 0.0,
        **options: Any,
    ) -> None:
        networks: dict[int, type[VGG]] = {11: VGG11, 13: VGG13, 16: VGG16, 19: VGG19}
        if depth not in networks:
            raise ValueError(f"no VGG of depth {depth}; there is {', '.join(map(str, networks))}")
        super().__init__(networks[depth](*args, **options), optimizer, schedule)
        self.smooth_labels(label_smoothing)
        self.mix_images(cutmix)
