"""What all data modules share: three splits, loaders that count exactly, one seed."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.catalog import DATA, DataSet
from zoo.data.fingerprint import kind_of, of_tensors
from zoo.data.loader import HANGS, Loader, WorkerStart
from zoo.data.memory import InMemory
from zoo.data.sampling import Batches, Draw
from zoo.data.splits import held_out
from zoo.data.transforms import Preprocessing, shape_after
from zoo.errors import InputError
from zoo.keyed import hashes, key

# More images than any step can have; far less than what a mistyped or overflowing number comes to.
MOST_IMAGES = 1_000_000


class ImageDataModule(LightningDataModule):
    """Base of the data modules: subclasses fill ``splits`` with "train", "val" and "test" in ``setup``.

    ``batch_size`` is the number of images of one step over all processes together; batches are (images, labels).
    ``val`` is a slice of the training images, for choosing; ``test`` is the official test set, for measuring.
    """

    #: What the catalogue says of it, with the ``name`` that its Records have; data of one's own may have a name alone.
    facts: ClassVar[DataSet | None] = None
    name: str
    class_names: list[str]
    #: What the option ``transform`` chooses from, by name; empty where there is no choice.
    transforms: ClassVar[Mapping[str, Any]] = {}
    num_workers = 0
    #: Threads of this process that make the batches instead of workers.
    threads = 0

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Not what a base class says of itself: a class of one's own may stand on one of the catalogue's.
        if facts := vars(cls).get("facts"):
            cls.name = facts.name

    def __init__(self, batch_size: int, num_held_out: int, seed: int) -> None:
        super().__init__()
        if not 1 <= batch_size <= MOST_IMAGES:
            raise InputError(f"data.batch_size must be at least 1 and at most {MOST_IMAGES:,}, not {batch_size}.")
        self.batch_size, self.num_held_out, self.seed = batch_size, num_held_out, seed
        self.splits: dict[str, Dataset] = {}

    @property
    def num_classes(self) -> int:
        """How many classes the labels tell apart."""
        return len(self.class_names)

    @property
    def fingerprint(self) -> str:
        """A digest of the data as read, for the Record."""
        raise NotImplementedError

    @property
    def fingerprint_of(self) -> str:
        """What the fingerprint is a digest of, for the Record."""
        return kind_of(self.fingerprint)

    @property
    def particulars(self) -> dict[str, Any]:
        """What else the Record says about the data, besides name, fingerprint and counts."""
        return {}

    def displayed(self, draw: Draw) -> Tensor:
        """Training images as they are fed to the network, with their augmentation, as uint8 (n, C, H, W) to look at."""
        raise NotImplementedError

    def shape_after(self, steps: Any) -> tuple[int, ...] | None:
        """(C, H, W) of training images that went through a preprocessing; None where that is not known beforehand."""
        return None

    def transforms_for(self, takes: Callable[[tuple[int, ...]], bool]) -> list[str]:
        """The names among ``transforms`` of those whose training images are of a shape (C, H, W) that fits."""
        shapes = {name: self.shape_after(steps) for name, steps in self.transforms.items()}
        return [name for name, shape in shapes.items() if shape is not None and takes(shape)]

    def hold(self, splits: dict[str, InMemory], transform: Preprocessing) -> None:
        """Makes these the ``splits``: on the device where that is a GPU, and with what the transform learns."""
        if self.trainer and self.trainer.strategy.root_device.type == "cuda":
            for split in splits.values():
                split.to(self.trainer.strategy.root_device)
        # Whatever a transform learns, it learns from the images that the network trains on.
        transform = transform.fitted(splits["train"].images)
        for split in splits.values():
            split.transform = transform
        self.splits = {**splits}

    def left_out(self) -> dict[str, Any]:
        """What the Record's ``dataset`` says of training images left out, on all processes; each must call this."""
        return {}

    def train_dataloader(self) -> DataLoader:
        """Training images in keyed random order, augmented."""
        return self._loader("train", shuffle=True)

    def check_processes(self, num_processes: int) -> None:
        """Raises InputError where a step of training has fewer images than there are processes to share them."""
        if self.batch_size < num_processes:
            raise InputError(
                f"data.batch_size {self.batch_size} is one step of all {num_processes} processes together, so that some"
                f" would never have an image: set trainer.devices so that there are at most {self.batch_size}, or a"
                " larger data.batch_size."
            )

    def val_dataloader(self) -> DataLoader | list:
        """The held-out slice of train, in order; an empty list, so that fitting goes on, where nothing is held out.

        Raises InputError where validating is all that the Trainer was asked to do.
        """
        if self.num_held_out:
            return self._loader("val")
        if self.trainer and self.trainer.state.fn == TrainerFn.VALIDATING:
            raise InputError(
                f"data.num_held_out is 0, so there is no slice of {self.name} to validate on: train with"
                " --data.num_held_out above 0, or measure the test set with zoo test."
            )
        # Lightning warns about an empty list, which here is what the user asked for.
        warnings.filterwarnings("ignore", "Total length of `list` across ranks is zero")
        return []

    def test_dataloader(self) -> DataLoader:
        """The official test set, in order."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader:
        """The official test set, in order."""
        return self._loader("test")

    def batches(self, split: str, **options: Any) -> Batches:
        """The order of the images of ``split``; a subclass may have one that suits its storage."""
        dataset: Any = self.splits[split]
        return Batches(len(dataset), self.batch_size, **options)

    def _loader(self, split: str, shuffle: bool = False) -> DataLoader:
        rank, replicas = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        if split == "train":
            self.check_processes(replicas)
        dataset = self.splits[split]
        batches = self.batches(split, shuffle=shuffle, seed=self.seed, rank=rank, num_replicas=replicas)
        return self.loader(dataset, batches)

    def loader(self, dataset: Dataset, batches: Batches, *, once: bool = False, **options: Any) -> Loader:
        """What makes ``batches`` of ``dataset``: this process, its threads, or workers, as this module has it.

        Workers stay for the next epoch; where ``once``, there is none.
        """
        threads = self.threads
        workers = 0 if threads else self.num_workers
        # batch_size=None: the sampler's items are whole batches already.
        return Loader(
            dataset,
            batch_size=None,
            sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0 and not once,
            pin_memory=workers + threads > 0 and torch.cuda.is_available(),
            timeout=HANGS if workers + threads else 0,
            worker_init_fn=WorkerStart(workers) if workers else None,
            threads=threads,
            **options,
        )


class InMemoryDataModule(ImageDataModule):
    """A data set small enough for memory: subclasses say how to ``read`` it.

    On a GPU the uint8 images are moved there once and every batch is made there.
    """

    def __init__(self, batch_size: int, num_held_out: int, seed: int, transform: Preprocessing) -> None:
        super().__init__(batch_size, num_held_out, seed)
        self.transform = transform
        self._fingerprint = ""

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """``{"train": (images, labels), "test": (images, labels)}``, images uint8 (N, C, H, W), labels int64."""
        raise NotImplementedError

    def official_sums(self) -> dict[Path, str]:
        """The files at hand whose official checksum is known, with it: "md5:..."."""
        return {}

    @property
    def fingerprint(self) -> str:
        """sha256 over the pixels and labels of train and test."""
        return self._fingerprint

    def shape_after(self, steps: Any) -> tuple[int, ...] | None:
        """(C, H, W) of training images that went through ``steps``, by what the catalogue says of the stored ones."""
        stored = self.facts.stored if self.facts else None
        return shape_after(steps, stored) if stored and isinstance(steps, Preprocessing) else None

    def displayed(self, draw: Draw) -> Tensor:
        """Training images as they are fed to the network, with their augmentation, as uint8 (n, C, H, W) to look at."""
        return self.splits["train"].displayed(draw)  # type: ignore[attr-defined]

    def setup(self, stage: str | None = None) -> None:
        """Reads the data and carves the held-out slice; a second call does nothing.

        Raises InputError where the data cannot be read or are fewer than is to be held out.
        """
        if self.splits:
            return
        data = self.read()
        self._fingerprint = of_tensors([tensor for split in data.values() for tensor in split])
        self._check_owner()
        images, labels = data["train"]
        order = hashes(key(self.name, "held out"), torch.arange(len(labels)))
        if not 0 <= self.num_held_out < len(labels):
            raise InputError(
                f"data.num_held_out is {self.num_held_out}, but {self.name} has {len(labels)} training images"
                " to hold out from."
            )
        train, val = held_out(labels, order, self.num_held_out)
        test_images, test_labels = data["test"]
        everything = torch.arange(len(test_labels))
        splits = {
            "train": InMemory(images, labels, train, self.transform, self.seed),
            "val": InMemory(images, labels, val, self.transform, None),
            "test": InMemory(test_images, test_labels, everything, self.transform, None),
        }
        self.hold(splits, self.transform)

    def _check_owner(self) -> None:
        """Raises InputError for the images of another data set, whose files may have the same names."""
        known = (entry for entry in DATA.values() if self._fingerprint in entry.fingerprints)
        owner = next((entry for entry in known if self.facts and entry is not self.facts), None)
        if owner is not None:
            raise InputError(
                f"The images in {getattr(self, 'root', 'the folder')} are those of {owner.title}, not of {self.name}:"
                " point --data.root at another folder."
            )
