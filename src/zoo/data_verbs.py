"""``zoo data fetch|verify|prepare|info|stream DATASET``: what one does with a data set before training on it."""

import difflib
import inspect
from pathlib import Path
from typing import Any

from zoo.catalog import DATA
from zoo.errors import InputError

FOLDERS = ("ImageNet", "SmokeImageNet")
# Of these, mean and principal components are worth knowing.
MEASURED = ("CIFAR10", "MNIST", "Digits")
FETCHED = ("CIFAR10", "MNIST")


def dataset_named(name: str) -> str:
    """The data set's name as ``zoo list data`` spells it; raises InputError where there is none."""
    names = {known.lower(): known for known in DATA}
    if name.lower() in names:
        return names[name.lower()]
    near = difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {names[near[0]]}?" if near else "zoo list data shows what there is."
    raise InputError(f"There is no data set {name!r}: {hint}")


def verify(name: str, root: str, num_workers: int | None, manifest: str | None, output: str | None) -> int:
    """Checks a data set and prints what it found; 1 where there are faults."""
    from zoo.report.data import print_verification, write_json

    if num_workers is not None and num_workers < 1:
        raise InputError(f"--workers must be at least 1, not {num_workers}.")
    if name == "StreamedImageNet":
        raise InputError("A stream is as good as the folders that it is packed from: verify these, as ImageNet.")
    if name in FOLDERS:
        found = _verify_images(name, Path(root), num_workers, Path(manifest) if manifest else None)
    else:
        from zoo.data.base import InMemoryDataModule
        from zoo.data.verify_memory import verify_memory

        if manifest:
            raise InputError(f"{name} is no folder of image files, so it has no manifest: leave out --manifest.")
        data = _module(name, root)
        assert isinstance(data, InMemoryDataModule)
        found = verify_memory(data, root)
    print_verification(found)
    if output:
        write_json(Path(output), found.plain())
    return 1 if found.num_faults else 0


def _verify_images(name: str, root: Path, num_workers: int | None, manifest: Path | None) -> Any:
    from zoo.data import cores
    from zoo.data.store import find_store
    from zoo.data.verify import verify_folder
    from zoo.data.verify_store import verify_store

    store = find_store(root)
    if store is None:
        return verify_folder(root, name, num_workers or cores.share(), manifest)
    if manifest:
        raise InputError(f"{store} is a prepared store, whose index has all checksums: leave out --manifest.")
    return verify_store(store, name, num_workers or cores.share())


def prepare(name: str, root: str, size: int | None, warp: bool, output: str | None, num_workers: int | None) -> int:
    """Scales ImageNet's pictures once, into a store; prints mean and principal components of any data set of images."""
    from zoo.report.preparation import print_statistics, print_store

    if num_workers is not None and num_workers < 1:
        raise InputError(f"--workers must be at least 1, not {num_workers}.")
    if name in FOLDERS:
        from zoo.data import cores
        from zoo.data.prepare import prepare_store
        from zoo.data.store import SHORT_SIDE, WARPED

        size = 256 if size is None else size
        folder = Path(output) if output else Path(root, f"prepared-{size}{'-warped' if warp else ''}")
        scaling = WARPED if warp else SHORT_SIDE
        print_store(prepare_store(Path(root), folder, size, num_workers or cores.share(), scaling))
        return 0
    from zoo.data.base import InMemoryDataModule
    from zoo.data.prepare_memory import statistics_of

    options = {"--size": size, "--warp": warp, "--output": output, "--workers": num_workers}
    given = [option for option, value in options.items() if value]
    data = _module(name, root)
    if not isinstance(data, InMemoryDataModule) or name not in MEASURED:
        raise InputError(f"{name} is made in memory and has nothing to prepare: train on it as it is.")
    if given:
        raise InputError(f"{name} is read into memory, so that nothing is written for it: leave out {given[0]}.")
    print_statistics(name, statistics_of(data))
    return 0


def info(name: str, root: str, transform: str | None, output: str | None) -> int:
    """Prints counts, sizes, storage and fingerprint; draws the contact sheet where ``output`` is given."""
    from zoo.report.data_summary import print_summary

    data = _module(name, root, transform)
    data.prepare_data()
    data.setup()
    print_summary(name, data)
    if output:
        from zoo.report.contact_sheet import contact_sheet

        contact_sheet(data, Path(output))
        print(f"contact sheet {output}")
    return 0


def fetch(name: str, root: str, labels: str | None = None) -> int:
    """Downloads what is missing of a data set, with checksums; puts a flat val/ of ImageNet into class folders."""
    if name == "ImageNet" and Path(root, "val").is_dir():
        from zoo.data.arrange_val import arrange_val

        moved, total = arrange_val(Path(root), Path(labels) if labels else None)
        print(f"{moved:,} images moved; all {total:,} of {Path(root, 'val')} are in class folders.")
        return 0
    if name not in FETCHED:
        way = "register at https://image-net.org" if name == "ImageNet" else "it needs no download"
        raise InputError(f"{name} is not fetched ({way}): zoo data fetch knows {' and '.join(FETCHED)}.")
    if labels:
        raise InputError(f"{name} brings its labels along: leave out --labels.")
    _module(name, root, download=True).prepare_data()
    print(f"{name} is in {Path(root).absolute()}.")
    return 0


def stream(name: str, root: str, output: str) -> int:
    """Packs a folder of image files into chunks for object storage, with a progress bar."""
    if name not in FOLDERS:
        raise InputError(f"{name} is small enough for memory and not streamed: zoo data stream knows ImageNet.")
    from rich.progress import Progress

    from zoo.data.stream_format import write_stream

    with Progress() as progress:
        task = progress.add_task("images", total=None)
        listing = write_stream(
            Path(root), Path(output), progress=lambda done, of: progress.update(task, completed=done, total=of)
        )
    counts = ", ".join(f"{len(files):,} {split}" for split, files in listing.files.items())
    print(f"{counts} images of {len(listing.classes):,} classes are in {output}; train with --data StreamedImageNet.")
    return 0


def _module(name: str, root: str, transform: str | None = None, **options: Any) -> Any:
    """The data module, all its training images in "train"; raises InputError for a transform that it has not."""
    import zoo.data

    made = getattr(zoo.data, name)
    parameters = inspect.signature(made).parameters
    given: dict[str, Any] = {"root": root, "num_held_out": 0, "num_workers": 0}
    if transform is not None:
        known = inspect.get_annotations(made.__init__).get("transform")
        choices = getattr(known, "__args__", ())
        if transform not in choices:
            raise InputError(f"{name} has no transform {transform!r}: {', '.join(choices) or 'it has no choice'}.")
        given["transform"] = transform
    return made(**{key: value for key, value in given.items() if key in parameters}, **options)
