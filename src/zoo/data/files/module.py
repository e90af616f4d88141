"""What the data modules of images in files share, however the files say their classes."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from PIL import Image
from torch import Tensor

from zoo.catalog import DATA
from zoo.data import cores
from zoo.data.files.listing import Images, Listing, carved, default_num_held_out, default_num_test
from zoo.data.files.transforms import TRANSFORMS, Name
from zoo.data.memory import InMemory
from zoo.data.photos import manifest
from zoo.data.photos.decode import decode
from zoo.data.photos.module import PhotoDataModule
from zoo.data.photos.photos import Photos
from zoo.data.photos.transforms import PhotoTransform, made_small
from zoo.data.sampling import Draw
from zoo.data.transforms import shape_after
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

# Reading more takes so long that one wants to see it.
MANY = 1000


class FileImages(PhotoDataModule):
    """Base of the data modules of images in files; a subclass says which there are (``listed``).

    With the transforms of photographs each image is decoded again for each batch, in worker processes; with the others,
    for small networks, all are decoded once, made small and kept in memory, in threads.

    Where there is a test set it is the test set, and where there are images for choosing they are "val". Else the
    images without a test set give ``num_test`` to one, a fifth unless given, and ``num_held_out`` of those to train on
    are held out, a tenth unless given: always the same, by a hash of their names, and each class in proportion.
    """

    transforms: ClassVar[Mapping[str, Any]] = TRANSFORMS
    transform: Any

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data/images",
        batch_size: int = 32,
        transform: Name = "torchvision",
        num_held_out: int | None = None,
        num_test: int | None = None,
        num_workers: ChangesNoNumber[int | None] = None,
        name: ChangesNoNumber[str | None] = None,
        seed: Chance[int] = 0,
    ) -> None:
        # ``transforms`` says which names there are.
        names: Any = transform
        super().__init__(root, batch_size, names, num_held_out or 0, num_workers, seed)
        self.root = given_path(root)
        self.asked = {"num_held_out": num_held_out, "num_test": num_test}
        #: What Records call the data; what is held out goes by the class's own name.
        self.name = self._name_of(self.root) if name is None else _checked(name)
        #: The files of each split, where the images are files.
        self.files: dict[str, list[Path]] = {}
        self.listing: Listing | None = None
        self._fingerprint = ""

    def listed(self) -> Listing:
        """The images with their classes. Raises InputError where there are none, or none that can be trained on."""
        raise NotImplementedError

    #: How the source of an image is read: upright, in RGB.
    read: Any = staticmethod(decode)

    @property
    def in_memory(self) -> bool:
        """Whether images are made small and kept."""
        return not isinstance(self.transform, PhotoTransform)

    @property
    def num_workers(self) -> int:  # type: ignore[override]
        """Processes that decode; none where everything is in memory."""
        return 0 if self.in_memory else super().num_workers

    def prepare_data(self) -> None:
        """Lists the images. Raises InputError where there are none, or a file of them is not there."""
        if self.listing is not None:
            return
        listing = self.listed()
        sources = (source for images in listing.splits.values() for source in images.sources)
        # Neither is what would be waited for, as a pipe.
        missing = [source for source in sources if isinstance(source, Path) and not source.is_file()]
        if missing:
            more = f" and {len(missing) - 1:,} more are" if len(missing) > 1 else " is"
            raise InputError(f"{missing[0]}{more} not there, or no file: zoo data verify finds every such image.")
        self.listing = listing

    def setup(self, stage: str | None = None) -> None:
        """Says which images make up each split, and reads them where they are kept; a second call does nothing."""
        if self.splits:
            return
        self.prepare_data()
        assert self.listing is not None
        self.class_names = self.listing.class_names
        train, test = self._tested(self.listing.splits)
        kept, val, out = self._held_out(train)
        parts = {"train": (train, kept), "val": (val, out), "test": (test, torch.arange(len(test)))}
        self.files = {
            split: [source for source in images.sources if isinstance(source, Path)]
            for split, images in (("train", train), ("test", test))
        }
        if self.in_memory:
            self._keep(parts)
        else:
            self.splits = {
                split: SourcePhotos(
                    images.sources, torch.tensor(images.labels), positions, self.transform,
                    self.seed if split == "train" else None, self.read,
                )
                for split, (images, positions) in parts.items()
            }  # fmt: skip

    def _tested(self, splits: dict[str, Images]) -> tuple[Images, Images]:
        """Training images and test images. Raises InputError where as many as asked for cannot become a test set."""
        train, num = splits["train"], self.asked["num_test"]
        if "test" in splits:
            if num is not None:
                raise InputError(f"{self.root} has a test set of its own: leave out data.num_test.")
            return train, splits["test"]
        num = default_num_test(len(train)) if num is None else num
        if not 0 < num < len(train):
            raise InputError(f"data.num_test is {num}, but {self.root} has {len(train):,} images.")
        kept, out = carved(train, num, type(self).name, "test")
        return train.taken(kept), train.taken(out)

    def _held_out(self, train: Images) -> tuple[Tensor, Images, Tensor]:
        """Positions to train on; the images that "val" is of, with the positions of those that are.

        Raises InputError where as many as asked for cannot be held out.
        """
        assert self.listing is not None
        num, own = self.asked["num_held_out"], self.listing.splits.get("val")
        if own is not None:
            if num:
                raise InputError(f"{self.root} has images for choosing of its own: leave out data.num_held_out.")
            self.num_held_out = len(own) if num is None else 0
            return torch.arange(len(train)), own, torch.arange(len(own))
        self.num_held_out = default_num_held_out(len(train)) if num is None else num
        if not 0 <= self.num_held_out < len(train):
            raise InputError(
                f"data.num_held_out is {self.num_held_out}, but {self.root} has {len(train):,} training images."
            )
        kept, out = carved(train, self.num_held_out, type(self).name, "held out")
        return kept, train, out

    def _keep(self, parts: dict[str, tuple[Images, Tensor]]) -> None:
        # The held-out slice is of the same list as the training images, which is read once.
        lists = {id(images): images for images, _ in parts.values()}
        pixels = {key: self._read_all(images) for key, images in lists.items()}
        self.hold(
            {
                split: InMemory(
                    pixels[id(images)], torch.tensor(images.labels), positions, self.transform,
                    self.seed if split == "train" else None,
                )
                for split, (images, positions) in parts.items()
            },
            self.transform,
        )  # fmt: skip

    def _read_all(self, images: Images) -> Tensor:
        """All images made small: uint8 (N, C, H, W). Raises InputError naming one that cannot be read."""
        from rich.console import Console
        from rich.progress import track

        stored = self.transform.stored
        pixels = torch.empty(len(images), *stored, dtype=torch.uint8)
        quiet = len(images) < MANY or getattr(rank_zero_only, "rank", 0) != 0
        with ThreadPoolExecutor(self._num_workers or cores.share()) as pool:
            made = pool.map(lambda source: made_small(self.read(source), stored), images.sources)
            read = track(made, "Reading", len(images), console=Console(stderr=True), disable=quiet)
            try:
                for n, image in enumerate(read):
                    pixels[n] = image
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return pixels

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Images from memory are the network's input already; photographs become it here, on the device."""
        if self.in_memory:
            images, labels = batch
            return images, labels
        return super().on_after_batch_transfer(batch, dataloader_idx)

    def displayed(self, draw: Draw) -> Tensor:
        """Training images as they are fed to the network, with their augmentation, as uint8 (n, C, H, W) to look at."""
        if self.in_memory:
            return self.splits["train"].displayed(draw)  # type: ignore[attr-defined]
        return super().displayed(draw)

    def shape_after(self, steps: Any) -> tuple[int, ...] | None:
        """(C, H, W) of training images that went through ``steps``."""
        return super().shape_after(steps) if isinstance(steps, PhotoTransform) else shape_after(steps, steps.stored)

    @property
    def fingerprint(self) -> str:
        """A digest of splits, classes, names and sizes of all images, and of their contents where these are known.

        They are where ``zoo data verify`` left a manifest that still fits.
        """
        if not self._fingerprint:
            self._fingerprint = self.fingerprint_of_contents(self.contents())
        return self._fingerprint

    def contents(self) -> dict[str, tuple[int, str | None]]:
        """The size in bytes of each image's file, by its name, and its sha256 where that is known."""
        self.prepare_data()
        assert self.listing is not None
        files: dict[str, Path] = {}
        for images in self.listing.splits.values():
            files |= zip(images.names, images.sources, strict=True)
        entries = manifest.fitting(self.root, files.values()) or []
        known = {entry["path"]: entry["sha256"] for entry in entries}
        return {name: (path.stat().st_size, known.get(name)) for name, path in files.items()}

    def fingerprint_of_contents(self, contents: dict[str, tuple[int, str | None]]) -> str:
        """The fingerprint of the images with these ``contents``."""
        assert self.listing is not None
        lines = [
            f"{split}\t{self.listing.class_names[label]}\t{name}\t{contents[name][0]}\t{contents[name][1]}\n"
            for split, images in self.listing.splits.items()
            for name, label in zip(images.names, images.labels, strict=True)
        ]
        kind = "files" if all(sha256 for _, sha256 in contents.values()) else "listing"
        text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
        return f"labelled-{kind}-sha256:{hashlib.sha256(text).hexdigest()}"

    @property
    def in_files(self) -> bool:
        """Whether each image is a file of its own."""
        return self.listing is None or all(
            isinstance(source, Path) for images in self.listing.splits.values() for source in images.sources
        )

    def passed_over(self) -> list[str]:
        """The names of files among the images that are not read as such."""
        return []

    def assigned(self) -> dict[str, tuple[str, str]]:
        """The split and the class of each image, by its name."""
        assert self.listing is not None
        train, test = self._tested(self.listing.splits)
        parts = {"train": train, "test": test} | {k: v for k, v in self.listing.splits.items() if k == "val"}
        return {
            name: (split, self.listing.class_names[label])
            for split, images in parts.items()
            for name, label in zip(images.names, images.labels, strict=True)
        }

    def _name_of(self, root: Path) -> str:
        """The folder's name, as cards of weights can have it; never that of a data set of the zoo."""
        place = root.resolve()
        stem = (place.parent if place.suffix and not place.is_dir() else place).name
        word = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
        own = type(self).name
        return own if not word else f"{word}-{own}" if word in _TAKEN else word


# What is compared with the figures of a data set must be that data set.
_TAKEN = {data.name for data in DATA.values() if data.source != "own"}


def _checked(name: str) -> str:
    """Raises InputError for what cards of weights cannot have, and for the names of the zoo's data sets."""
    if not re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name):
        raise InputError(f"data.name is {name!r}: it takes small letters and digits, with single hyphens between them.")
    if name in _TAKEN:
        raise InputError(f"data.name is {name}, which is a data set of the zoo: give your own images another name.")
    return name


class SourcePhotos(Photos):
    """As ``Photos``, with whatever ``read`` makes of each source: for tests as well as for training."""

    def photo(self, position: int) -> Image.Image:
        """The whole photo as everything is measured on it, by its place among the sources."""
        image: Any = self.read(self.files[position])
        return image

    coded = photo
