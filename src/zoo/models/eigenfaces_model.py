"""How eigenfaces are found in training images: the LightningModule of ``zoo.models.eigenfaces``."""

from typing import Any

from zoo.models.baseline_model import Baseline
from zoo.models.eigenfaces import Eigenfaces
from zoo.models.options import takes_options_of


class EigenfacesModel(Baseline):
    """Eigenfaces of the training images: ``data.transform`` must be raw."""

    @takes_options_of(Eigenfaces, without=("variant",))
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(Eigenfaces("paper", *args, **options))
