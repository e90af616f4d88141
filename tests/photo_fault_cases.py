"""Faults put into image files: for the tests of what finds them, and of what trains on them."""

import io
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

WNIDS = ["n01440764", "n02102040", "n03000684"]


def drawn_photo(number: int, side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8))


def fill(root: Path, num_val: int, side: int) -> Path:
    """Three classes of twelve training and ``num_val`` validation images of ``side`` pixels a side, all sound."""
    for label, wnid in enumerate(WNIDS):
        for n in range(12 + num_val):
            split, name = ("train", f"{wnid}_{n}") if n < 12 else ("val", f"ILSVRC2012_val_{100 * label + n:08d}")
            path = root / split / wnid / f"{name}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            drawn_photo(100 * label + n, side).save(path, "JPEG", quality=90)
    return root


def rewrite(path: Path, form: str, mode: str | None = None, **options: object) -> None:
    with Image.open(path) as image:
        copy = image.convert(mode) if mode else image.copy()
    buffer = io.BytesIO()
    copy.save(buffer, form, **options)
    path.write_bytes(buffer.getvalue())


def truncate(path: Path, others: list[Path]) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def empty(path: Path, others: list[Path]) -> None:
    path.write_bytes(b"")


def make_text(path: Path, others: list[Path]) -> None:
    path.write_text(f"<html>404 {path.name} Not Found</html>")


def damage(path: Path, others: list[Path]) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:3] + bytes(300) + data[303:])


def make_png(path: Path, others: list[Path]) -> None:
    rewrite(path, "PNG")


def make_cmyk(path: Path, others: list[Path]) -> None:
    rewrite(path, "JPEG", "CMYK")


def turn(path: Path, others: list[Path]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rewrite(path, "JPEG", exif=exif, quality=95)


def shrink(path: Path, others: list[Path]) -> None:
    with Image.open(path) as image:
        small = image.resize((9, 7))
    small.save(path, "JPEG")


def double(path: Path, others: list[Path]) -> None:
    shutil.copyfile(others.pop(), path)


def misplace(path: Path, others: list[Path]) -> None:
    wnid = next(other.name for other in sorted(path.parent.parent.iterdir()) if other.name != path.parent.name)
    path.rename(path.with_name(f"{wnid}_9{random.Random(path.name).randrange(10**6)}.JPEG"))


INJECTIONS = {
    "truncated": truncate,
    "zero bytes": empty,
    "not an image": make_text,
    "unreadable": damage,
    "wrong format": make_png,
    "CMYK": make_cmyk,
    "EXIF orientation": turn,
    "very small": shrink,
    "duplicate": double,
    "wrong folder": misplace,
}


def inject(root: Path, times: int) -> dict[str, Counter]:
    """Puts ``times`` faults of each kind into training images drawn at random: for each kind, how many a class."""
    files = sorted((root / "train").rglob("*.JPEG"))
    files = [file for file in files if file.name.startswith(file.parent.name)]
    random.Random(0).shuffle(files)
    injected: dict[str, Counter] = {}
    for kind, make in INJECTIONS.items():
        for _ in range(times):
            path = files.pop()
            # The original of a double is a sound image of the same class, to which nothing else happens.
            original = next(file for file in files if file.parent == path.parent)
            if kind == "duplicate":
                files.remove(original)
            make(path, [original])
            injected.setdefault(kind, Counter())[path.parent.name] += 1
    return injected
