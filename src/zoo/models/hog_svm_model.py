"""How the support vector machines are trained: the LightningModule of ``zoo.models.hog_svm``."""

import math
from typing import Any

from torch import Tensor

from zoo.models.baseline_model import Baseline
from zoo.models.hog_svm import HOGSVM
from zoo.models.options import takes_options_of


class HOGSVMModel(Baseline):
    """Support vector machines with the paper's C of 0.01: ``data.transform`` must be raw.

    Args:
        c: what weighs the slacks against the margin
    """

    @takes_options_of(HOGSVM, without=("variant",))
    def __init__(self, *args: Any, c: float = 0.01, **options: Any) -> None:
        if not 0 < c < math.inf:
            raise ValueError(f"c must be above 0, not {c}")
        super().__init__(HOGSVM("paper", *args, **options))
        self.c = c

    def fit_network(self, images: Tensor, labels: Tensor) -> None:
        """Fits with this model's C."""
        assert isinstance(self.network, HOGSVM)
        self.network.fit(images, labels, self.c)
