"""The digits 0 to 4 as single strokes on a retina of 16x16 cells, wherever they lie: made here, without a download."""

from functools import partial

import torch
import torch.nn.functional as F
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.transforms import Transform, shifted_and_flipped
from zoo.errors import InputError
from zoo.options import Chance

RETINA = 16
DRAWINGS = (
    """
    ..XXX..
    .X...X.
    X.....X
    X.....X
    X.....X
    X.....X
    X.....X
    .X...X.
    ..XXX..
    """,
    """
    ..X..
    .XX..
    X.X..
    ..X..
    ..X..
    ..X..
    ..X..
    ..X..
    ..X..
    ..X..
    XXXXX
    """,
    """
    .XXXXX.
    X.....X
    ......X
    ......X
    .....X.
    ....X..
    ...X...
    ..X....
    .X.....
    X......
    XXXXXXX
    """,
    """
    .XXXXX.
    X.....X
    ......X
    ......X
    .....X.
    ..XXX..
    .....X.
    ......X
    ......X
    X.....X
    .XXXXX.
    """,
    """
    ...X....
    ..X.....
    ..X..X..
    .X...X..
    .X...X..
    X....X..
    XXXXXXXX
    .....X..
    .....X..
    """,
)


def bitmap(drawing: str) -> Tensor:
    """A drawing in the middle of the retina: uint8 (1, 16, 16), ink 255."""
    rows = drawing.split()
    ink = torch.tensor([[255 * (mark == "X") for mark in row] for row in rows], dtype=torch.uint8)
    height, width = ink.shape
    top, left = (RETINA - height) // 2, (RETINA - width) // 2
    return F.pad(ink, (left, RETINA - width - left, top, RETINA - height - top))[None]


def shifted(images: Tensor, numbers: Tensor, reach: int) -> Tensor:
    """Shifts each of ``images`` (N, C, H, W) by up to ``reach`` pixels either way, as ``numbers`` (N, 2) say."""
    # A third number of 1 never mirrors.
    return shifted_and_flipped(images, F.pad(numbers, (0, 1), value=1.0), reach)


def everywhere(images: Tensor, reach: int) -> Tensor:
    """All (2 reach + 1)^2 shifts of each image, one shift after another: (M * N, C, H, W), the unshifted amid them."""
    steps = range(-reach, reach + 1)
    return torch.cat([images.roll((down, right), dims=(2, 3)) for down in steps for right in steps])


class FiveDigits(InMemoryDataModule):
    """Five digits drawn with strokes of one pixel, as the neocognitron met them (Fukushima 1980).

    Images arrive as float32 (N, 1, 16, 16), ink 1 on 0. An epoch presents each digit once, in the order 0 to 4, shifted
    by up to ``reach`` pixels in both directions by a keyed draw; the test set is every digit under every shift of up to
    ``test_reach``, (2 test_reach + 1)^2 images a digit. Raises ValueError for a shift under which ink would leave the
    retina.

    Deviations and guesses: the drawings are this package's own, 9 to 11 pixels high; how far they are shifted is a
    guess.
    """

    facts = DATA["FiveDigits"]

    def __init__(self, batch_size: int = 1, reach: int = 1, test_reach: int = 2, seed: Chance[int] = 0) -> None:
        margin = min(map(_margin, DRAWINGS))
        for name, value in (("reach", reach), ("test_reach", test_reach)):
            if not 0 <= value <= margin:
                raise ValueError(f"{name} is a shift of 0 to {margin} pixels, or ink leaves the retina; not {value}")
        transform = Transform((0.0,), (1.0,), augment=partial(shifted, reach=reach), num_random=2)
        super().__init__(batch_size, 0, seed, transform)
        self.test_reach = test_reach
        self.class_names = [str(digit) for digit in range(len(DRAWINGS))]

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The five bitmaps, and all their shifts."""
        images, labels = torch.stack([bitmap(drawing) for drawing in DRAWINGS]), torch.arange(len(DRAWINGS))
        shifts = everywhere(images, self.test_reach)
        return {"train": (images, labels), "test": (shifts, labels.repeat(len(shifts) // len(labels)))}

    def train_dataloader(self) -> DataLoader:
        """The digits in order, each shifted anew in each epoch."""
        return self._loader("train")

    def val_dataloader(self) -> DataLoader | list:
        """Nothing: five patterns have none to spare. Raises InputError where validating is all that was asked for."""
        if self.trainer and self.trainer.state.fn == TrainerFn.VALIDATING:
            raise InputError("FiveDigits holds nothing out to validate on: measure the test set with zoo test.")
        return super().val_dataloader()


def _margin(drawing: str) -> int:
    """How far a drawing in the middle of the retina can move in every direction before ink leaves it."""
    rows = drawing.split()
    return (RETINA - max(len(rows), len(rows[0]))) // 2
