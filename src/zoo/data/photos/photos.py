"""A split of JPEG files, decoded and cut a batch at a time in worker processes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo import keyed
from zoo.data.loader import reading
from zoo.data.photos.crops import Photo
from zoo.data.photos.decoders import read_rgb, write_planes
from zoo.data.photos.file_names import FileNames
from zoo.data.photos.transforms import PhotoTransform
from zoo.data.sampling import Draw
from zoo.errors import InputError


class Photos(Dataset):
    """JPEG files with labels; an item is a whole batch: (uint8 images (n, 3, S, S), labels, colour shifts (n, 3)).

    ``positions`` choose among ``files`` and key the augmentation, which is on where ``seed`` is given. ``read`` decodes
    a file of training. Where ``skip``, a batch is without the images that cannot be decoded, and a fourth part has
    their positions; otherwise such an image is an InputError.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: Tensor,
        positions: Tensor,
        transform: PhotoTransform,
        seed: int | None,
        read: Callable[[Path | str], Photo] = read_rgb,
        skip: bool = False,
    ) -> None:
        self.files, self.labels, self.positions = files, labels, positions
        self.transform, self.seed, self.read, self.skip = transform, seed, read, skip

    def __len__(self) -> int:
        return len(self.positions)

    def photo(self, position: int) -> Photo:
        """The whole photo as everything is measured on it, by its place in ``files``."""
        return read_rgb(self.files[position])

    def name_of(self, position: int) -> str:
        """The path of a photo, by its place in ``files``."""
        return self.files.text(position) if isinstance(self.files, FileNames) else str(self.files[position])

    def coded(self, position: int) -> Photo:
        """The photo for training, not decoded yet where ``read`` leaves that for later."""
        return self.read(self.name_of(position))

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        positions = self.positions[draw.indices]
        shifts = torch.zeros(len(positions), 3)
        if self.seed is None:
            numbers = None
        else:
            stream = keyed.key(self.seed, "augment", draw.epoch)
            numbers = keyed.uniforms(stream, positions, self.transform.num_random).tolist()
            if self.transform.color_noise:
                # A stream of its own: on the same one, the shift would follow from the crop and the flip.
                stream = keyed.key(self.seed, "color", draw.epoch)
                shifts = keyed.normals(stream, positions, 3)
            shifts = self.transform.color_shifts(shifts)
        images, broken = self._views(positions.tolist(), numbers)
        if not self.skip:
            return images, self.labels[positions], shifts
        kept = torch.tensor([n for n in range(len(positions)) if n not in broken], dtype=torch.int64)
        lost = positions[torch.tensor(broken, dtype=torch.int64)]
        if broken:
            images, positions, shifts = images[kept], positions[kept], shifts[kept]
        return images, self.labels[positions], shifts, lost

    def _views(self, positions: list[int], numbers: list[list[float]] | None) -> tuple[Tensor, list[int]]:
        """The images, and the places in the batch of those that could not be decoded, whose pixels mean nothing."""
        size, broken = self.transform.size, []
        images = torch.empty(len(positions), 3, size, size, dtype=torch.uint8)
        out = images.numpy()
        for n, position in enumerate(positions):
            reading(position)
            try:
                if numbers is None:
                    view = self.transform.central_view(self.photo(position))
                else:
                    view = self.transform.random_view(self.coded(position), numbers[n])
                write_planes(view, out[n])
            except InputError:
                if not self.skip:
                    raise
                broken.append(n)
        return images, broken
