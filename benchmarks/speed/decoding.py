"""What libraries take to decode a photograph, and how far their pixels, and those of fast views, are from Pillow's."""

import io
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import reference
import simplejpeg
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from zoo import keyed
from zoo.data.photos.decoders import JpegPhoto, read_in_part, read_rgb, write_planes
from zoo.data.photos.fast_decoder import read_fast
from zoo.data.photos.transforms import TRANSFORMS

DECODERS: dict[str, Callable[[bytes], np.ndarray]] = {
    "Pillow": lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")),
    "torchvision.io.decode_jpeg": lambda data: decode_jpeg(_tensor(data), ImageReadMode.RGB).permute(1, 2, 0).numpy(),
    "OpenCV": lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB),
    "OpenCV, IMREAD_REDUCED_COLOR_2": lambda data: cv2.imdecode(
        np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_2
    ),
    "simplejpeg": simplejpeg.decode_jpeg,
    "simplejpeg, fastdct and fastupsample": lambda data: simplejpeg.decode_jpeg(data, fastdct=True, fastupsample=True),
    # Of each block one pixel is made: what is left is the Huffman decoding, for which there is no short way.
    "simplejpeg, an eighth": lambda data: simplejpeg.decode_jpeg(data, min_height=1, min_width=1, min_factor=8),
}
VIEWS = {"zoo, plain": read_in_part, "zoo, fast": read_fast}
THEIRS = "torchvision, a training view, to normalised floats"
BOUND = "simplejpeg, an eighth of the rows that these views need"


def _tensor(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def rows(files: Sequence[Path], rounds: int) -> list[str]:
    """A row a decoder: microseconds of the processor for a whole photograph, and the distance of its pixels.

    Then a row a way to training views, of 224 pixels, from the file to the batch. Medians of ``rounds`` rounds.
    """
    warnings.filterwarnings("ignore", "The image decoding", DeprecationWarning)
    contents = [file.read_bytes() for file in files]
    exact = [DECODERS["Pillow"](data) for data in contents]
    table = []
    times = _times({name: _all(decode, contents) for name, decode in DECODERS.items()}, rounds)
    for name, decode in DECODERS.items():
        found = [decode(data) for data in contents]
        whole = all(pixels.shape == theirs.shape for pixels, theirs in zip(found, exact, strict=True))
        table.append(_row(name, times[name] / len(files), _distance(found, exact) if whole else "fewer pixels"))
    transform = TRANSFORMS["torchvision"]
    numbers = keyed.uniforms(keyed.key("distance"), torch.arange(len(files)), transform.num_random).tolist()
    out = np.empty((len(files), 3, transform.size, transform.size), np.uint8)

    def views(read: Callable) -> np.ndarray:
        for file, row, planes in zip(files, numbers, out, strict=True):
            write_planes(transform.random_view(read(file), row), planes)
        return out

    expected = views(read_rgb).copy()
    cut = [transform.random_view(read_in_part(file), row) for file, row in zip(files, numbers, strict=True)]
    parts = [view.part()[0] for view in cut if isinstance(view, JpegPhoto)]
    others = {BOUND: _all(_least, parts), THEIRS: _all(reference.photo_steps(), files)}
    times = _times({name: lambda read=read: views(read) for name, read in VIEWS.items()} | others, rounds)
    table.append(_row(THEIRS, times[THEIRS] / len(files), ""))
    for name, read in VIEWS.items():
        table.append(_row(f"{name}, a training view", times[name] / len(files), _distance(views(read), expected)))
    table.append(_row(BOUND, times[BOUND] / len(parts), "fewer pixels"))
    return table


def _least(data: bytes) -> np.ndarray:
    # The header tells of fewer rows than there are.
    return simplejpeg.decode_jpeg(data, min_height=1, min_width=1, min_factor=8, strict=False)


def _all(decode: Callable, contents: Sequence) -> Callable[[], object]:
    def run() -> None:
        for data in contents:
            decode(data)

    return run


def _times(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Microseconds of the processor, median of ``rounds`` in which each has its turn."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(1e6 * (time.process_time() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def _distance(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str:
    """The mean over photographs of their mean distance, and the greatest, in grey levels of 255."""
    apart = [np.abs(ours.astype(np.int16) - theirs) for ours, theirs in zip(found, expected, strict=True)]
    return f"{np.mean([each.mean() for each in apart]):.2f} / {max(each.max() for each in apart)}"


def _row(name: str, microseconds: float, distance: str) -> str:
    return f"| {name} | {microseconds:,.0f} | {distance} |"
