"""``zoo data fetch|verify|prepare|info|stream DATASET``: what one does with a data set before training on it."""

import argparse
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.catalog import DATA
from zoo.commands.options import Parser
from zoo.data.lookup import check_transform, dataset_named
from zoo.errors import InputError
from zoo.files import given_output, given_path


def run(verb: str, args: list[str]) -> int:
    """Does what the options ask for; returns 0, or 1 where ``verify`` found faults. Raises InputError for bad input."""
    options = _parsed(verb, args)
    name = dataset_named(options.dataset)
    # The zoo's own photos and files lie in one, which is known without torch and Lightning.
    in_folder = not DATA.is_added(name) and DATA[name].storage != "memory"
    if options.root is not None and not in_folder and "root" not in _parameters(name):
        raise InputError(f"{name} lies in no folder: leave out --root.")
    options.root = "data" if options.root is None else options.root
    try:
        return _done(name, options)
    except InputError as error:
        # Data modules name their options as zoo fit does.
        said = str(error).replace("add --data.download true to fetch", f"run zoo data fetch {name} to fetch")
        raise InputError(said.replace("--data.root", "--root")) from error


def _done(name: str, options: argparse.Namespace) -> int:
    if options.verb == "verify":
        return verify(name, options.root, options.workers, options.manifest, options.output)
    if options.verb == "prepare":
        return prepare(name, options.root, options.size, options.warp, options.output, options.workers)
    if options.verb == "stream":
        return stream(name, options.root, options.output)
    if options.verb == "info":
        return info(name, options.root, options.transform, options.output)
    return fetch(name, options.root, options.labels)


def _parsed(verb: str, args: list[str]) -> argparse.Namespace:
    parser = Parser(prog=f"zoo {verb}", description="Fetch a data set, check it, see what it holds.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="fetch|verify|prepare|info|stream")
    parsers = {
        verb: verbs.add_parser(verb, help=text, description=text)
        for verb, text in (
            ("fetch", f"Download {_fetched('or')}; put a flat val/ of ImageNet into class folders."),
            ("verify", "Find every broken, misplaced or odd image; exit status 1 where there are faults."),
            ("prepare", "Scale every photo once, for training at full speed; find mean and principal components."),
            ("info", "Show counts, sizes and fingerprint; draw augmented training images."),
            ("stream", "Pack the files of ImageNet into chunks, for training from object storage."),
        )
    }
    for sub in parsers.values():
        sub.add_argument("dataset", metavar="DATASET", help="a name from: zoo list data")
        sub.add_argument("--root", metavar="DIR", help="the folder that holds it (default: data)")
    labels_help = "the classes of ImageNet's val/, where they are not in an official file in the root"
    parsers["fetch"].add_argument("--labels", metavar="FILE", help=labels_help)
    check, make, show = parsers["verify"], parsers["prepare"], parsers["info"]
    check.add_argument("--workers", type=int, metavar="N", help="processes that decode (default: one a core)")
    check.add_argument("--manifest", metavar="FILE", help="where to write the list of files instead of ~/.cache/zoo")
    check.add_argument("--output", metavar="REPORT.json", help="write all that was found as JSON")
    make.add_argument("--size", type=int, metavar="N", help="pixels of the short side (default: 256)")
    make.add_argument(
        "--warp", action="store_true", help="scale both sides, whatever the shape, as Caffe's nets want it"
    )
    make.add_argument("--output", metavar="DIR", help="where the store goes (default: prepared-N in the root)")
    make.add_argument("--workers", type=int, metavar="N", help="processes that decode (default: one a core)")
    show.add_argument("--transform", metavar="NAME", help="the preprocessing that the contact sheet shows")
    show.add_argument("--output", metavar="SHEET.png", help="write a contact sheet of augmented training images")
    parsers["stream"].add_argument("--output", required=True, metavar="DIR", help="the folder to pack them into")
    return parser.parse_args(args)


def verify(name: str, root: str, num_workers: int | None, manifest: str | None, output: str | None) -> int:
    """Checks a data set and prints what it found; 1 where there are faults."""
    from zoo.report.data import print_verification, write_json

    if num_workers is not None and num_workers < 1:
        raise InputError(f"--workers must be at least 1, not {num_workers}.")
    report = given_output(output) if output else None
    if DATA[name].storage == "stream":
        raise InputError("A stream is as good as the folders that it is packed from: verify these, as ImageNet.")
    if DATA[name].storage == "photos":
        found = _verify_images(name, given_path(root), num_workers, given_path(manifest) if manifest else None)
    elif DATA[name].storage == "files":
        data = _module(name, root)
        from zoo.data import cores
        from zoo.data.verify.files import verify_files

        found = verify_files(data, name, num_workers or cores.share(), given_path(manifest) if manifest else None)
    else:
        if manifest:
            raise InputError(f"{name} is not a folder of image files, so it has no manifest: leave out --manifest.")
        data = _module(name, root)
        from zoo.data.base import InMemoryDataModule
        from zoo.data.verify.memory import verify_memory

        assert isinstance(data, InMemoryDataModule)
        found = verify_memory(data, root)
    print_verification(found)
    if report:
        write_json(report, found.plain())
    return 1 if found.num_faults else 0


def _verify_images(name: str, root: Path, num_workers: int | None, manifest: Path | None) -> Any:
    from zoo.data import cores
    from zoo.data.store.format import find_store
    from zoo.data.verify.folder import verify_folder
    from zoo.data.verify.store import verify_store

    store = find_store(root)
    if store is None:
        return verify_folder(root, name, num_workers or cores.share(), manifest)
    if manifest:
        raise InputError(f"{store} is a prepared store, whose index has all checksums: leave out --manifest.")
    return verify_store(store, name, num_workers or cores.share())


def prepare(name: str, root: str, size: int | None, warp: bool, output: str | None, num_workers: int | None) -> int:
    """Scales ImageNet's photos once, into a store; prints mean and principal components of any data set of images."""
    from zoo.report.data import print_statistics, print_store

    if num_workers is not None and num_workers < 1:
        raise InputError(f"--workers must be at least 1, not {num_workers}.")
    if DATA[name].storage == "photos":
        from zoo.data import cores
        from zoo.data.store.format import SHORT_SIDE, WARPED
        from zoo.data.store.writer import prepare_store

        size = 256 if size is None else size
        folder = given_path(output) if output else Path(root, f"prepared-{size}{'-warped' if warp else ''}")
        scaling = WARPED if warp else SHORT_SIDE
        try:
            store = prepare_store(given_path(root), folder, size, num_workers or cores.share(), scaling)
        except KeyboardInterrupt:
            print("zoo: stopped; the same command goes on with what is missing.", file=sys.stderr)
            return 130
        print_store(store)
        return 0
    options = {"--size": size, "--warp": warp, "--output": output, "--workers": num_workers}
    given = [option for option, value in options.items() if value not in (None, False)]
    data = _module(name, root)
    from zoo.data.base import InMemoryDataModule
    from zoo.data.statistics import PixelStatistics

    if not isinstance(data, InMemoryDataModule) or DATA[name].source == "made":
        made = "is made in memory" if DATA[name].source == "made" else "is read as it lies there"
        raise InputError(f"{name} {made} and has nothing to prepare: train on it as it is.")
    if given:
        raise InputError(f"{name} is read into memory, so that nothing is written for it: leave out {given[0]}.")
    data.prepare_data()
    images, _ = data.read()["train"]
    print_statistics(name, PixelStatistics.over(images.numpy()))
    return 0


def info(name: str, root: str, transform: str | None, output: str | None) -> int:
    """Prints counts, sizes, storage and fingerprint; draws the contact sheet where ``output`` is given."""
    sheet = given_output(output) if output else None
    data = _module(name, root, transform)
    from zoo.report.data_summary import print_summary

    data.prepare_data()
    data.setup()
    print_summary(name, data)
    if sheet:
        from zoo.report.contact_sheet import contact_sheet

        contact_sheet(data, sheet)
        print(f"contact sheet {output}")
    return 0


def fetch(name: str, root: str, labels: str | None = None) -> int:
    """Downloads what is missing of a data set, with checksums; puts a flat val/ of ImageNet into class folders."""
    if name == "ImageNet" and (given_path(root) / "val").is_dir():
        from zoo.data.photos.arrange_val import arrange_val

        moved, total = arrange_val(given_path(root), given_path(labels) if labels else None)
        print(f"{moved:,} images moved; all {total:,} of {Path(root, 'val')} are in class folders.")
        return 0
    if DATA[name].source != "download":
        ways = {"registration": "register at https://image-net.org", "own": "these are your own images"}
        way = ways.get(DATA[name].source, "it needs no download")
        raise InputError(f"{name} is not fetched ({way}): zoo data fetch knows {_fetched('and')}.")
    if labels:
        raise InputError(f"{name} brings its labels along: leave out --labels.")
    _module(name, root, download=True).prepare_data()
    print(f"{name} is in {given_path(root).absolute()}.")
    return 0


def stream(name: str, root: str, output: str) -> int:
    """Packs a folder of image files into chunks for object storage, with a progress bar."""
    if DATA[name].storage != "photos":
        raise InputError(f"{name} is read from where it lies and not streamed: zoo data stream knows ImageNet.")
    from rich.progress import Progress

    from zoo.data.stream.format import write_stream

    with Progress() as progress:
        task = progress.add_task("images", total=None)
        listing = write_stream(
            given_path(root),
            given_path(output),
            progress=lambda done, of: progress.update(task, completed=done, total=of),
        )
    counts = ", ".join(f"{len(files):,} {split}" for split, files in listing.files.items())
    print(f"{counts} images of {len(listing.classes):,} classes are in {output}; train with --data StreamedImageNet.")
    return 0


def _fetched(conjunction: str) -> str:
    *others, last = sorted(name for name, data in DATA.items() if data.source == "download")
    return f"{', '.join(others)} {conjunction} {last}"


def _module(name: str, root: str, transform: str | None = None, **options: Any) -> Any:
    """The data module, all its training images in "train"; raises InputError for a transform that it does not have."""
    import zoo.data

    parameters = _parameters(name)
    given: dict[str, Any] = {"root": root, "num_held_out": 0, "num_workers": 0}
    if transform is not None:
        check_transform(name, transform)
        given["transform"] = transform
    chosen = {key: value for key, value in given.items() if key in parameters}
    return getattr(zoo.data, name)(**chosen, **options)


def _parameters(name: str) -> Mapping[str, Any]:
    """What a data module can be given."""
    import zoo.data

    return inspect.signature(getattr(zoo.data, name)).parameters
