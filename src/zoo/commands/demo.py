"""``zoo demo``: the trained networks in a page that draws, looks and trains."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path
from zoo.imports import import_large
from zoo.weights.cards import check_there

if TYPE_CHECKING:
    from zoo.demo.page import Page


def run(verb: str, args: list[str]) -> int:
    """Writes the page, or serves it on this machine until it is interrupted."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="A page in which every network of MNIST reads the digit that one draws and every network of"
        " CIFAR-10 names a picture, and in which ConvNetJS trains. It needs no server and asks nobody for anything.",
    )
    parser.add_argument(
        "weights", metavar="WEIGHTS", nargs="*",
        help="names from: zoo list weights, run folders or files (default: all of MNIST and CIFAR-10 that are shipped)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FOLDER", help="write the page there, for any web server or to be opened as a file"
    )
    parser.add_argument("--port", type=int, default=8000, help="where it is served without --output (default: 8000)")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="a folder with CIFAR-10, whose pictures the page then has (default: data, if there)",
    )
    parser.add_argument(
        "--convnetjs", metavar="FILE",
        help="build/convnet-min.js of npm's package convnetjs 0.3.0 (default: from npm, where it is to be had); none: a"
        " page without training",
    )  # fmt: skip
    options = parser.parse_args(args)
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port {options.port} is no port: give one from 1 to 65535, or 0 for any that is free.")
    for name in options.weights:
        check_there(name)
    import_large("zoo.demo.page")
    from zoo.demo.page import build, names_of_ladders

    library = _library(options.convnetjs)
    root = given_path(options.root) if options.root else _usual_root()
    names = options.weights or names_of_ladders()
    if options.output is not None:
        page = build(given_path(options.output), names, library, root)
        _report(page)
        print(f"Open {page.folder / 'index.html'} in a browser, or put the folder on any web server.")
        return 0
    from zoo.demo.serve import serve

    with tempfile.TemporaryDirectory() as folder:
        _report(build(Path(folder), names, library, root))
        serve(Path(folder), options.port, lambda address: print(f"Open {address} (Ctrl+C ends it).", flush=True))
    return 0


def _library(given: str | None) -> bytes | None:
    """ConvNetJS for the page; nothing where it is not wanted, or not given and not to be had."""
    from zoo.demo.library import convnetjs

    if given == "none":
        return None
    if given is not None:
        return convnetjs(given_path(given))
    try:
        return convnetjs()
    except InputError as error:
        print(f"No training in this page. {error}")
        return None


def _usual_root() -> Path | None:
    root = Path("data")
    return root if any((root / name).is_dir() for name in ("cifar-10-batches-bin", "cifar-10-batches-py")) else None


def _report(page: "Page") -> None:
    print(f"A page of {page.num_bytes:,} bytes with {len(page.networks)} networks.")
    if page.left_out:
        print(f"Too large for a page: {', '.join(page.left_out)}.")
