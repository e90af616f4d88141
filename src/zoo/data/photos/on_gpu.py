"""Training views decoded, cut and scaled on the GPU, by nvJPEG through torchvision: the host only reads the files.

Pixels differ from Pillow's by what the decoders' inverse DCTs and enlarged colours do, and by a grey level of rounding,
so nothing is ever measured on such views. For a CPU torchvision has Pillow's decoder: that is the tests' stand-in.
"""

import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from zoo.data.loader import reading
from zoo.data.photos.crops import Photo
from zoo.data.photos.decoders import PillowPhoto, read_rgb
from zoo.data.photos.photos import Photos
from zoo.errors import InputError

# Of the device that must decode.
KIND = "cuda"


def require_gpu() -> None:
    """Raises InputError where PyTorch sees no GPU that decodes, or torchvision no longer has the decoder."""
    if KIND == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "data.decoder is gpu, but PyTorch sees no CUDA device here: leave out --data.decoder, or choose fast."
        )
    try:
        # It says of itself, from 0.29 on, that a later release will be without.
        from torchvision.io import ImageReadMode, decode_jpeg  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"data.decoder is gpu, but torchvision {version('torchvision')} has no decoder of JPEGs: leave out"
            " --data.decoder, choose fast, or install torchvision 0.29."
        ) from error


def require_device(device: torch.device) -> None:
    """Raises InputError where training is on a device that does not decode."""
    if device.type != KIND:
        raise InputError(
            f"data.decoder is gpu, but training is on {device.type}: set trainer.accelerator to gpu, or leave out"
            " --data.decoder."
        )


class EncodedPhotos(Photos):
    """As ``Photos`` for training, with a list of views still to be decoded by ``views_on`` in the place of images."""

    def _views(self, positions: list[int], numbers: list[list[float]] | None) -> tuple[Any, list[int]]:
        assert numbers is not None, "what is measured is decoded by Pillow"
        views = []
        for position, row in zip(positions, numbers, strict=True):
            reading(position)
            views.append(self.transform.random_view(self.coded(position), row))
        return views, []


def views_on(device: torch.device, views: Sequence[Photo]) -> Tensor:
    """Views of one size, decoded on ``device``: uint8 (N, 3, H, W) there. Raises InputError as Pillow does."""
    encoded = [view for view in views if isinstance(view, PillowPhoto)]
    decoded = iter(_decoded(device, encoded))
    return torch.stack(
        [
            _cut(next(decoded), view) if isinstance(view, PillowPhoto) else _on(device, np.asarray(view))
            for view in views
        ]
    )


def _decoded(device: torch.device, photos: Sequence[PillowPhoto]) -> list[Tensor]:
    """Whole photos: uint8 (3, H, W) each."""
    if not photos:
        return []
    # Only here: whoever decodes otherwise need not wait for it.
    from torchvision.io import ImageReadMode, decode_jpeg

    files = [torch.frombuffer(bytearray(photo.data), dtype=torch.uint8) for photo in photos]
    with warnings.catch_warnings():
        # That torchvision will leave this to TorchCodec.
        warnings.filterwarnings("ignore", "The image decoding", DeprecationWarning)
        try:
            found: list[Tensor] = decode_jpeg(files, mode=ImageReadMode.RGB, device=device)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            # It does not say which one it cannot decode, and Pillow alone decides what is broken.
            if len(photos) > 1:
                return [each for photo in photos for each in _decoded(device, [photo])]
            return [_on(device, np.asarray(read_rgb(photos[0].path)))]
    return found


def _on(device: torch.device, pixels: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) to (3, H, W) on ``device``."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).to(device)


def _cut(pixels: Tensor, photo: PillowPhoto) -> Tensor:
    """The steps of ``photo`` on its pixels (3, H, W): bilinear with antialiasing, rounded once."""
    for name, arguments in photo.steps:
        if name == "crop":
            left, top, right, bottom = arguments[0]
            pixels = pixels[:, top:bottom, left:right]
        elif name == "resize":
            width, height = arguments[0]
            # On a GPU it takes no bytes.
            scaled = F.interpolate(pixels[None].float(), (height, width), mode="bilinear", antialias=True)[0]
            pixels = scaled.round_().clamp_(0, 255).to(torch.uint8)
        else:
            assert arguments == (Image.Transpose.FLIP_LEFT_RIGHT,)
            pixels = pixels.flip(2)
    return pixels
