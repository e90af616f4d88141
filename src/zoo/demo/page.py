"""Builds the page's folder: its own files as they are, each network as a script, and what it was given besides."""

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import zoo.data
from zoo.errors import InputError
from zoo.files import write
from zoo.weights.cards import shipped
from zoo.weights.export.page import packed, title_of
from zoo.weights.find import find
from zoo.weights.trained import Weights

STATIC = Path(__file__).with_name("static")
#: All files together have no more bytes than this.
MOST = 15_000_000
# Pictures of CIFAR-10 in the page, where they are at hand: to choose from and measure on, and to train on.
_TO_TEST, _TO_TRAIN, _A_ROW = 100, 300, 20


@dataclass(frozen=True)
class Page:
    """What was written: the folder, its bytes, the networks in it, and those that were too large."""

    folder: Path
    num_bytes: int
    networks: list[str]
    left_out: list[str]


def names_of_ladders() -> list[str]:
    """The shipped weights of MNIST and of CIFAR-10."""
    return [name for name in shipped() if name.partition("/")[2].split("-")[0] in ("mnist", "cifar10")]


def build(folder: Path, names: Sequence[str], library: bytes | None, root: Path | None) -> Page:
    """Writes the page into ``folder``, which is made; files of an earlier page are replaced.

    ``names`` are weights, of which the smallest come in first, until the page is full; where one network was trained
    several times on the same data, all but the best of these come last. ``library`` is ConvNetJS, None for a page
    without training; ``root`` the folder of CIFAR-10, None for a page without its pictures. Raises
    InputError for weights that are not there or cannot be computed in a page, and for a folder that cannot be made.
    """
    files = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.is_file()}
    if library is not None:
        files["convnet-min.js"] = library
    if root is not None:
        files["pictures.js"] = _pictures(root)
    found = [find(name) for name in names]
    networks, left_out = [], []
    total = sum(map(len, files.values())) + 20_000
    packs = [(number, weights, *_script(weights)) for number, weights in enumerate(found)]
    best = _best(packs)
    for number, weights, said, script in sorted(packs, key=lambda pack: (pack[0] not in best, len(pack[3]))):
        # 2 % for what the page says of them.
        if total + 1.02 * len(script) > MOST:
            left_out.append((number, title_of(weights), len(script)))
            continue
        total += len(script) + len(json.dumps(said))
        said["script"] = f"weights-{number}.js"
        files[said["script"]] = script.encode()
        networks.append((number, said))
    networks.sort(key=_by_year)
    content = {
        "networks": [said for _, said in networks],
        "leftOut": [f"{title} ({size / 1e6:.1f} MB)" for _, title, size in sorted(left_out)],
        "most": MOST // 1_000_000,
        "digits": any(said["data"] == "MNIST" for _, said in networks),
        "photos": any(said["data"] == "CIFAR10" for _, said in networks),
        "training": library is not None,
        "pictures": root is not None,
    }
    files["networks.js"] = f"zoo.came({json.dumps(content)});\n".encode()
    _write(folder, files)
    return Page(
        folder, sum(map(len, files.values())), [said["name"] for _, said in networks],
        [found[number].name for number, _, _ in sorted(left_out)],
    )  # fmt: skip


def _script(weights: Weights) -> tuple[dict[str, Any], str]:
    """What the page says and computes of one network, and the script with its numbers."""
    said, numbers = packed(weights, coarse=True)
    return said, f"zoo.weightsCame({json.dumps(weights.name)}, {json.dumps(numbers)});\n"


def _best(packs: list[tuple[int, Weights, dict[str, Any], str]]) -> set[int]:
    """The numbers of those that no other training of the same network on the same data has fewer errors than."""
    best: dict[tuple[str, ...], tuple[float, int]] = {}
    for number, weights, said, _ in packs:
        network = weights.meta["network"], str(weights.meta["variant"]), said["data"]
        error = 100.0 if said["error"] is None else said["error"]
        best[network] = min(best.get(network, (error, number)), (error, number))
    return {number for _, number in best.values()}


def _by_year(one: tuple[int, dict[str, Any]]) -> tuple[float, float]:
    return one[1]["year"] or math.inf, -(one[1]["error"] or 0.0)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write(folder / name, content)
        for old in folder.glob("weights-*.js"):
            if old.name not in files:
                old.unlink()
    except OSError as error:
        raise InputError(
            f"The page cannot be written to {folder} ({error.strerror}): give another --output."
        ) from error


def _pictures(root: Path) -> bytes:
    """Images of CIFAR-10 in two sheets, PNG, with their labels: a script."""
    # Lightning comes with the data module, and is not waited for where there are no pictures.
    splits = zoo.data.CIFAR10(root=str(root)).read()
    test = splits["test"]
    # The first of each class in turn, so that the choice shows all of them.
    order = np.argsort([np.count_nonzero(test[1][:n] == test[1][n]) for n in range(10 * _TO_TEST)], kind="stable")
    chosen = {"test": np.asarray(order[:_TO_TEST]), "train": np.arange(_TO_TRAIN)}
    sheets = {
        split: {"labels": splits[split][1][which].tolist(), "png": _sheet(splits[split][0][which].numpy())}
        for split, which in chosen.items()
    }
    return f"zoo.picturesCame({json.dumps(sheets | {'aRow': _A_ROW})});\n".encode()


def _sheet(images: np.ndarray) -> str:
    """uint8 (N, 3, 32, 32), N a multiple of a row's, as the address of a PNG image that is its own content."""
    rows = images.reshape(-1, _A_ROW, 3, 32, 32).transpose(0, 3, 1, 4, 2)
    buffer = io.BytesIO()
    Image.fromarray(rows.reshape(-1, 32 * _A_ROW, 3)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
