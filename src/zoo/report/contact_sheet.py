"""A contact sheet: training images as they are fed to the network, a row a class, a column an epoch."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from zoo.data.base import ImageDataModule
from zoo.data.sampling import Draw
from zoo.errors import InputError
from zoo.files import end_of_links, whole

NUM_CLASSES, NUM_EPOCHS = 10, 8
# Small images are enlarged by whole numbers, so that each of their pixels can be seen.
CELL, GAP, MARGIN = 96, 4, 120
PAPER, INK = (255, 255, 255), (0, 0, 0)


def contact_sheet(data: ImageDataModule, path: Path) -> None:
    """Writes a PNG of the first training image of up to ten classes, with its augmentation in eight epochs.

    Raises InputError where the file cannot be written, or where its name says that it is something else.
    """
    if path.suffix.lower() != ".png":
        raise InputError(f"A contact sheet is a PNG, so that {path} would be misnamed: write to {path.stem}.png.")
    labels, places = _first_of_each_class(data)
    epochs = [data.displayed(Draw(epoch, places)) for epoch in range(NUM_EPOCHS)]
    scale = max(1, CELL // max(epochs[0].shape[-2:]))
    height, width = (side * scale for side in epochs[0].shape[-2:])
    size = (MARGIN + NUM_EPOCHS * (width + GAP), GAP + len(labels) * (height + GAP))
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, label in enumerate(labels):
        top = GAP + row * (height + GAP)
        draw.text((GAP, top + height // 2 - 6), data.class_names[label], fill=INK)
        for column, images in enumerate(epochs):
            cell = _in_rgb(images[row]).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(cell, (MARGIN + column * (width + GAP), top))
    try:
        with whole(end_of_links(path)) as draft:
            sheet.save(draft, "PNG")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another place with --output.") from error


def _first_of_each_class(data: ImageDataModule) -> tuple[list[int], Tensor]:
    """Labels, and the place in the training split of each one's first image."""
    split = data.splits["train"]
    labels = split.labels  # type: ignore[attr-defined]
    if len(labels) != len(split):  # type: ignore[arg-type]
        labels = labels[split.positions]  # type: ignore[attr-defined]
    present = labels.unique()[:NUM_CLASSES].tolist()
    return present, torch.tensor([int((labels == label).nonzero()[0]) for label in present])


def _in_rgb(image: Tensor) -> Image.Image:
    """uint8 (1, H, W) or (3, H, W) as a Pillow image in RGB."""
    return Image.fromarray(np.asarray(image.cpu().expand(3, -1, -1).permute(1, 2, 0).contiguous()))
