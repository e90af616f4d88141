"""ImageNet (ILSVRC) from folders of JPEG files: ``root/train/<wnid>/*.JPEG`` and ``root/val``."""

from typing import Any, Literal

import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.fingerprint import of_paths
from zoo.data.photos import manifest, on_gpu
from zoo.data.photos.decoders import read_in_part
from zoo.data.photos.fast_decoder import read_fast, require_packages
from zoo.data.photos.file_names import FileNames
from zoo.data.photos.folders import require_splits
from zoo.data.photos.labelled import Labelled, labelled_files
from zoo.data.photos.module import PhotoDataModule
from zoo.data.photos.photos import Photos
from zoo.data.photos.skipped import Skipped, summary
from zoo.data.store.format import Store, find_store
from zoo.data.store.reader import StoredPhotos, fitted
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import with_options_of

# More threads than this only wait for each other: what they do between two calls of compiled code, one does at a time.
# Of a JPEG file that is more: Pillow reads its header, and begins and ends each step, in Python.
MOST_THREADS, MOST_THREADS_OF_FILES = 8, 4


class ImageNet(PhotoDataModule):
    """ILSVRC folders with any number of wnid classes; the ILSVRC validation images are the test set.

    ``root/train/<wnid>/*.JPEG`` for training; ``root/val/<wnid>/*.JPEG``, or all images flat in ``root/val`` beside one
    of the official label files (see ``val_labels``). Or ``root`` is a store that ``zoo data prepare`` made of them:
    the same images in the same splits, scaled already. Loaders give uint8 images (N, 3, 224, 224);
    ``on_after_batch_transfer``, which the Trainer calls on the device, makes them the network's float32 input.

    ``transform``, each with the centre crop for testing, colours on the scale 0..255:

    - "alexnet": 224 of the centre 256x256, flip, less the mean colour; 0.1 of the principal components' standard
      deviations as colour noise, per image. The next four differ in colour alone.
    - "alexnet_mean_image": less the middle of the mean image, which a prepared store has.
    - "alexnet_own": so, and principal components of the training images at hand instead of the published ones.
    - "alexnet_code": as the 2012 code: mean image, noise, and then training images / 1.1, test images as they are.
    - "alexnet_formula": the paper's formula to the letter, with eigenvalues (of pixels of 0..1) instead of deviations.
    - "caffe": 227 of the photo warped to 256x256, flip.
    - "vgg", "vgg_384", "vgg_256_512": 224 of the photo at S = 256, 384 or any of 256 to 512, flip, AlexNet's noise.
    - "torchvision": the random resized crop that its weights were trained with, flip; less mean, divided by std.

    ``decoder`` "fast" decodes training images with the extra ``fast`` (see ``fast_decoder``), "gpu" on an NVIDIA GPU
    (see ``on_gpu``); tests are always measured on Pillow's pixels. ``on_error`` "skip" leaves a training image that
    cannot be decoded out of its step and names it in the Record; "stop" ends the run with its path, as always in
    evaluation.
    ``num_workers`` is by default this process's share of the cores.

    Deviations and guesses: "alexnet" has the 2012 code's noise without its division by 1.1; "alexnet_code" has both.
    """

    facts = DATA["ImageNet"]

    @with_options_of(PhotoDataModule)
    def __init__(
        self,
        decoder: Literal["pil", "fast", "gpu"] = "pil",
        on_error: Literal["stop", "skip"] = "stop",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = given_path(self.root)
        self.decoder, self.on_error = decoder, on_error
        if decoder == "fast":
            require_packages()
        if decoder == "gpu":
            on_gpu.require_gpu()
            if on_error == "skip":
                raise InputError(
                    "data.on_error is skip, which decoder gpu cannot: leave out one of the two, or choose decoder fast."
                )
        self.files: dict[str, FileNames] = {}
        self.store: Store | None = None
        #: Training images that were left out, where ``on_error`` is "skip".
        self.skipped = Skipped()

    @property
    def threads(self) -> int:  # type: ignore[override]
        """As many as this process has cores for, of a store at most ``MOST_THREADS``; 0 where workers were given.

        Of JPEG files 0 too where that share is above ``MOST_THREADS_OF_FILES``: then it is the number of workers.
        """
        if self._num_workers is not None:
            return 0
        if self.store is None:
            return self.num_workers if self.num_workers <= MOST_THREADS_OF_FILES else 0
        return min(self.num_workers, MOST_THREADS)

    def prepare_data(self) -> None:
        """Raises InputError, with a way to get ImageNet, where there are neither its folders nor a prepared store."""
        if find_store(self.root) is None:
            require_splits(self.root)

    def setup(self, stage: str | None = None) -> None:
        """Lists the files and carves the held-out slice; a second call does nothing."""
        if self.splits:
            return
        self.prepare_data()
        folder = find_store(self.root)
        self.store = None if folder is None else Store(folder)
        self.transform = fitted(self.transform, self.store, self.root)
        self.class_names, listed = self.store.labelled(self.root) if self.store else labelled_files(self.root)
        self.files = {"train": listed["train"].files, "test": listed["val"].files}
        train = listed["train"]
        kept, out = self.carved(train.files.names(), torch.tensor(train.labels))
        self.splits = {
            "train": self._photos("train", listed["train"], kept, self.seed),
            "val": self._photos("train", listed["train"], out, None),
            "test": self._photos("val", listed["val"], torch.arange(len(listed["val"].files)), None),
        }

    def _photos(self, split: str, listed: Labelled, positions: Tensor, seed: int | None) -> Photos:
        """Of ``listed`` files, or of that split of the store; training images are augmented by ``seed``."""
        files, labels = listed.files, torch.tensor(listed.labels)
        if self.store is not None:
            return StoredPhotos(self.store, split, files, labels, positions, self.transform, seed, self.decoder)
        if seed is None:
            return Photos(files, labels, positions, self.transform, None)
        kind = on_gpu.EncodedPhotos if self.decoder == "gpu" else Photos
        read = read_fast if self.decoder == "fast" else read_in_part
        return kind(files, labels, positions, self.transform, seed, read, self.on_error == "skip")

    @property
    def fingerprint(self) -> str:
        """A digest of all files' paths, sizes and contents where ``zoo data verify`` left a manifest that still fits.

        Without one, a digest of the paths and sizes alone: the files are not read for it. A prepared store has the
        digest of the files that it was made from.
        """
        if self.store is not None:
            return str(self.store.index["source"]["files"])
        files = self.files["train"] + self.files["test"]
        return manifest.fingerprint(self.root, files) or of_paths(self.root, files.sorted_paths())

    @property
    def particulars(self) -> dict[str, Any]:
        """Of a prepared store its size, the digests of its index and of the names and sizes of its source."""
        return {} if self.store is None else {"prepared": self.store.particulars()}

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Views that are to be decoded on the GPU are, and take their place in the batch as uint8 (N, 3, H, W)."""
        views, *rest = batch
        if isinstance(views, Tensor):
            return batch
        device = self.trainer.strategy.root_device if self.trainer else torch.device(on_gpu.KIND)
        on_gpu.require_device(device)
        return on_gpu.views_on(device, views), *rest

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """uint8 images with a colour shift an image, on the device, to the network's float32 input and labels.

        Raises InputError where none of a step's images could be decoded.
        """
        _, labels, _, *lost = batch
        if lost and len(lost[0]):
            self._leave_out(lost[0].tolist(), len(labels))
        return super().on_after_batch_transfer(batch, dataloader_idx)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the images left out so far, by all processes."""
        return {"skipped": self.skipped.everywhere()} if self.on_error == "skip" else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on counting from a checkpoint, on the first process, as the sum over all is one."""
        if not self.trainer or self.trainer.is_global_zero:
            self.skipped.times.update(state_dict.get("skipped", {}))

    def left_out(self) -> dict[str, Any]:
        """How many images were left out, how often and which: under "skipped", where there are any."""
        return summary(self.skipped.everywhere())

    def _leave_out(self, positions: list[int], num_left: int) -> None:
        files = self.files["train"]
        self.skipped.note(files[position].relative_to(self.root).as_posix() for position in positions)
        if not num_left and (not self.trainer or self.trainer.world_size == 1):
            raise InputError(
                f"None of a step's {len(positions)} images can be read, such as {files[positions[0]]}: see what"
                " zoo data verify finds."
            )
