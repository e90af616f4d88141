"""``zoo data verify`` for folders of JPEG files: every file decoded, in parallel, and every fault named. No torch."""

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from zoo.data.photos import manifest
from zoo.data.photos.folders import SPLITS, is_image, require_splits
from zoo.data.photos.ilsvrc import wrong_counts
from zoo.data.photos.inspection import CheckedPhoto, check_photo
from zoo.data.photos.val_labels import DEVKIT, LABEL_FILES, META, SYNSETS, WNID, flat_val_wnids
from zoo.data.progress import progress_bar
from zoo.data.verification import Finding, Verification
from zoo.errors import InputError
from zoo.files import is_utf8

NO_IMAGES = {*LABEL_FILES, *SYNSETS, META, DEVKIT.parts[0]}
# Starting processes takes longer than looking at so few files.
FEW = 200

Classes = dict[str, dict[str, list[str]]]


def verify_folder(root: Path, dataset: str, num_workers: int, manifest_path: Path | None = None) -> Verification:
    """Decodes every image of ``root/{train,val}`` and writes the manifest, by default in the user's cache folder.

    Raises InputError where there is no such folder or the manifest cannot be written.
    """
    require_splits(root)
    classes, findings = list_folder(root)
    paths = sorted(path for members in classes.values() for files in members.values() for path in files)
    if not paths:
        raise InputError(f"{root / 'train'} and {root / 'val'} hold no .JPEG file: unpack the images there.")
    photos = list(check_photos(root, paths, num_workers))
    class_of = {path: (s, c) for s, members in classes.items() for c, files in members.items() for path in files}
    findings += [finding for photo in photos for finding in photo.findings]
    findings += [*misplaced(class_of), *duplicates(photos, class_of)]
    counts = {split: {name: len(files) for name, files in members.items()} for split, members in classes.items()}
    findings += wrong_counts(root, counts)
    target = manifest_path or manifest.default_path(root)
    fingerprint = manifest.write(target, photos)
    return Verification(dataset, str(root), counts, sorted(findings), fingerprint, str(target))


def list_folder(root: Path) -> tuple[Classes, list[Finding]]:
    """The images of each split and class, as paths below ``root``, and what is wrong with the folders themselves."""
    classes: Classes = {}
    findings: list[Finding] = []
    for split in SPLITS:
        entries = _readable(_entries(root / split), root, findings)
        folders = sorted(entry.name for entry in entries if entry.is_dir() and not _is_label(entry))
        members: dict[str, list[str]] = {name: [] for name in folders}
        flat: list[str] = []
        for entry in entries:
            if split == "val" and not folders and is_image(entry.name):
                flat.append(f"{split}/{entry.name}")
            elif split == "val" and is_image(entry.name):
                findings.append(Finding("loose image", f"{split}/{entry.name}"))
            elif not entry.is_dir() and not _is_label(entry):
                findings.append(Finding("stray file", f"{split}/{entry.name}", "outside the class folders"))
        for name in folders:
            for entry in _readable(_entries(root / split / name), root, findings):
                path = f"{split}/{name}/{entry.name}"
                if is_image(entry.name):
                    members[name].append(path)
                else:
                    detail = "a folder in a class folder" if entry.is_dir() else "no .JPEG ending"
                    findings.append(Finding("stray file", path, detail))
            if not members[name]:
                findings.append(Finding("empty class", f"{split}/{name}"))
        classes[split] = _flat(root, flat, findings) if flat else members
    findings += [
        Finding("unknown class", f"val/{name}", "train has no such class")
        for name in classes["val"]
        if name not in classes["train"] and name != "?"
    ]
    return classes, findings


def check_photos(root: Path, paths: list[str], num_workers: int) -> Iterator[CheckedPhoto]:
    """Each photo in the order of ``paths``, with a progress bar on standard error."""
    look = partial(check_photo, str(root))
    if num_workers == 1 or len(paths) <= FEW:
        yield from _with_progress(map(look, paths), len(paths))
        return
    # Spawned, not forked: the progress bar has a thread, and these processes import little.
    pool = ProcessPoolExecutor(num_workers, multiprocessing.get_context("spawn"))
    try:
        yield from _with_progress(pool.map(look, paths, chunksize=32), len(paths))
    except BrokenProcessPool as error:
        raise InputError(
            "A process that decoded images was killed, as happens where memory runs out: try fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def misplaced(class_of: dict[str, tuple[str, str]]) -> Iterator[Finding]:
    """Files whose name begins with another wnid than that of their folder."""
    for path, (_, folder) in class_of.items():
        own = WNID.match(path.rsplit("/", 1)[-1])
        if own and WNID.fullmatch(folder) and own[0] != folder:
            yield Finding("wrong folder", path, f"its name says {own[0]}")


def duplicates(photos: Iterable[CheckedPhoto], class_of: dict[str, tuple[str, str]]) -> Iterator[Finding]:
    """Photos with the same pixels as one before them in the order of the paths, which is named."""
    first: dict[bytes, str] = {}
    for photo in sorted(photos, key=lambda photo: photo.path):
        if photo.pixels is None:
            continue
        earlier = first.setdefault(photo.pixels, photo.path)
        if earlier != photo.path:
            (split, name), (other_split, other_name) = class_of[photo.path], class_of[earlier]
            kind = "duplicate" if name == other_name else "duplicate across classes"
            kind = kind if split == other_split else "duplicate across splits"
            yield Finding(kind, photo.path, f"the same pixels as {earlier}")


def _flat(root: Path, paths: list[str], findings: list[Finding]) -> dict[str, list[str]]:
    """The classes of a flat ``val/``; all under "?" where the label file does not tell them."""
    try:
        classes = flat_val_wnids(root, [root / path for path in sorted(paths)])
    except InputError as error:
        findings.append(Finding("no labels", "val", str(error)))
        return {"?": sorted(paths)}
    return {name: [file.relative_to(root).as_posix() for file in files] for name, files in classes.items()}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error


def _readable(entries: list[Path], root: Path, findings: list[Finding]) -> list[Path]:
    """Those whose names can be written down; training refuses the others."""
    for entry in entries:
        if not is_utf8(entry.name):
            shown = entry.relative_to(root).as_posix().encode(errors="backslashreplace").decode()
            findings.append(Finding("unreadable", shown, "its name is not UTF-8"))
    return [entry for entry in entries if is_utf8(entry.name)]


def _is_label(entry: Path) -> bool:
    return entry.name in NO_IMAGES


def _with_progress(photos: Iterable[CheckedPhoto], total: int) -> Iterator[CheckedPhoto]:
    with progress_bar("Decoding") as progress:
        task = progress.add_task("", total=total)
        for photo in photos:
            progress.advance(task)
            yield photo
