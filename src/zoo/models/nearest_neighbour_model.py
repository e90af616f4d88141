"""How nearest neighbours are stored: the LightningModule of ``zoo.models.nearest_neighbour``."""

from typing import Any

from zoo.models.baseline_model import Baseline
from zoo.models.ledger import Work
from zoo.models.nearest_neighbour import NearestNeighbour
from zoo.models.options import takes_options_of


class NearestNeighbourModel(Baseline):
    """Stores the training images, then compares: ``data.transform`` must be raw."""

    work = Work(0, "none: the training images are stored as they are")

    @takes_options_of(NearestNeighbour, without=("variant",))
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(NearestNeighbour("paper", *args, **options))
