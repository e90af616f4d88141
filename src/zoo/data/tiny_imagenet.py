"""Tiny ImageNet: 200 of ImageNet's classes at 64x64 pixels."""

from collections import Counter
from pathlib import Path
from typing import ClassVar

from zoo.catalog import DATA
from zoo.data.download import fetch_unpacked
from zoo.data.files.folder import images_below, images_of_classes
from zoo.data.files.listing import Listing, labelled
from zoo.data.files.module import FileImages
from zoo.data.files.transforms import Name
from zoo.errors import InputError
from zoo.options import Chance, ChangesNoNumber

FOLDER, ANNOTATIONS, WORDS = "tiny-imagenet-200", "val_annotations.txt", "words.txt"


class TinyImageNet(FileImages):
    """100,000 + 10,000 colour photographs, 64x64, 200 classes (Stanford's CS231n, 2015); its ``val`` is the test set.

    Reads ``root/tiny-imagenet-200``, or ``root`` where it is that folder, as it comes: the classes of ``val`` are those
    of its own ``val_annotations.txt``. Labels are in the order of the wnids, and called by the first of their words.
    ``transform`` as of ``ImageFolder``; the labels of the official test images are not public.

    Deviations and guesses: the checksum of the archive is the one that everybody passes on, for the course states none;
    the small transforms are normalised by the figures of CIFAR-10 and MNIST.
    """

    facts = DATA["TinyImageNet"]
    url: ClassVar[str] = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
    digest: ClassVar[str] = "md5:90528d7ca1a48142e341f4ef8d21d0de"

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Name = "standard_64",
        num_held_out: int | None = None,
        num_workers: ChangesNoNumber[int | None] = None,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(root, batch_size, transform, num_held_out, None, num_workers, None, seed)
        self.name = type(self).name
        self.place, self.download = self.root, download

    def prepare_data(self) -> None:
        """Downloads the archive where ``download`` is set and it is not there; without it, raises InputError."""
        if not self._is_there() and self.download:
            fetch_unpacked(self.url, self.digest, self.place, self.facts.title, self._is_there)
        super().prepare_data()

    def listed(self) -> Listing:
        """The images of both splits. Raises InputError where one is missing, or has no class."""
        if not self._is_there():
            raise InputError(
                f"No Tiny ImageNet in {self.place.absolute()} ({FOLDER} with train, val and {WORDS} is missing): add"
                " --data.download true to fetch it, or point --data.root at the folder that holds it."
            )
        # Names are of paths below the data's own folder, wherever that lies.
        self.root = self._folder()
        train = [
            (f"train/{name}", wnid, self.root / "train" / name) for name, wnid in images_of_classes(self.root / "train")
        ]
        listing = labelled({"train": train, "test": self._val()}, str(self.root))
        return Listing(self._in_words(listing.class_names), listing.splits)

    def _val(self) -> list[tuple[str, str, Path]]:
        wnids = dict(line[:2] for line in _lines(self.root / "val" / ANNOTATIONS, 2))
        names = sorted(images_below(self.root / "val" / "images"))
        strange = sorted(set(names) ^ set(wnids))
        if strange:
            where = "has no line in" if strange[0] not in wnids else "has a line but no image beside"
            raise InputError(f"{strange[0]} {where} {self.root / 'val' / ANNOTATIONS}: fetch the archive again.")
        return [(f"val/images/{name}", wnids[name], self.root / "val" / "images" / name) for name in names]

    def _in_words(self, wnids: list[str]) -> list[str]:
        """The first word of each class; with its wnid, where several have the same."""
        words = {wnid: text.split(",")[0].strip() for wnid, text, *_ in _lines(self.root / WORDS, 2)}
        times = Counter(words.get(wnid, wnid) for wnid in wnids)
        return [
            word if times[word] == 1 else f"{word} ({wnid})" for wnid in wnids for word in [words.get(wnid) or wnid]
        ]

    def _folder(self) -> Path:
        return self.place if (self.place / WORDS).is_file() else self.place / FOLDER

    def _is_there(self) -> bool:
        folder = self._folder()
        files, folders = (WORDS, f"val/{ANNOTATIONS}"), ("train", "val/images")
        return all((folder / f).is_file() for f in files) and all((folder / f).is_dir() for f in folders)


def _lines(path: Path, least: int) -> list[list[str]]:
    """The parts between tabs of each line. Raises InputError where the file cannot be read or a line has too few."""
    try:
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    short = next((number for number, line in enumerate(lines, 1) if len(line) < least), None)
    if short is not None:
        raise InputError(f"{path} has fewer than {least} parts in its line {short}: fetch the archive again.")
    return lines
