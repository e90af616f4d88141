"""Which images an evaluation scored: each image of the split once, told apart by its index and not by a total.

A doubled and a missing image together keep the total, and change the error.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from zoo.errors import InputError
from zoo.evaluation.processes import summed

_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def indices_of(loader: Any) -> Iterator[Tensor]:
    """The indices, int64 (n,), of the images in each batch that a DataLoader gives on this process, in its order.

    They are what its sampler asks the data set for: the sampler is gone through a second time, beside the loader.
    Raises InputError where that would not tell: for several loaders, a loader that shuffles, a stream, a sampler that
    is used up.
    """
    if not isinstance(loader, DataLoader):
        raise InputError(f"The test images come as a {type(loader).__name__}: evaluation needs one torch DataLoader.")
    if isinstance(loader.dataset, IterableDataset):
        raise InputError("The test images are a stream without indices: nothing tells whether each is scored once.")
    if isinstance(loader.sampler, _RANDOM):
        raise InputError("The test loader draws its images at random: evaluation needs one with shuffle=False.")
    asked: Any = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    # Around it Lightning puts, for predictions, an iterator that two cannot go through at once.
    asked = getattr(asked, "_batch_sampler", asked)
    if any(iter(each) is each for each in (loader.sampler, asked)):
        raise InputError(
            "The test loader's sampler can be iterated over only once: evaluation needs one that can start anew."
        )
    return map(_indices, asked)


class ScoredImages:
    """Counts how often each of ``num_images`` was scored; the counts of all processes are added in ``check``."""

    def __init__(self, num_images: int) -> None:
        self.times = torch.zeros(num_images, dtype=torch.int64)
        self.steps = 0
        # Images asked for, images given and step (from 1), where a batch is not what was asked for.
        self.odd: tuple[int, int, int] | None = None

    def update(self, indices: Tensor, given: int) -> None:
        """Counts a batch: the indices that were asked for, and how many images came."""
        self.steps += 1
        indices = indices.cpu()
        if len(indices) != given:
            self.odd = self.odd or (len(indices), given, self.steps)
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(self.times):
            raise InputError(
                f"The test loader gave the images {int(indices.min())} to {int(indices.max())},"
                f" but the split has {len(self.times):,}."
            )
        self.times.index_add_(0, indices, torch.ones_like(indices))

    def check(self, complete: bool = True) -> None:
        """Raises InputError, on every process, unless each image was scored once, or at most once if not ``complete``.

        The sentence says how many images are missing or doubled, and which is the first.
        """
        times, short = summed(self.times), int(summed(torch.tensor(int(self.odd is not None))))
        found = [_named(times > 1, "scored more than once")]
        if complete:
            found.insert(0, _named(times == 0, "not scored"))
        if short:
            asked, given, step = self.odd or ("some", "another number of", "some")
            found.append(f"a batch was short: in step {step}, {given} images came where {asked} were asked for")
        faults = [fault for fault in found if fault]
        if faults:
            raise InputError(
                f"Of {len(times):,} test images, {'; '.join(faults)}: the error would be of another set of images, so"
                " none is given. Let the test loader give every image once: no drop_last, no padding, none skipped."
            )


def _indices(asked: Any) -> Tensor:
    """What a sampler yields as a tensor: a step with ``indices``, the indices of a batch, or a single one."""
    return torch.as_tensor(getattr(asked, "indices", asked), dtype=torch.int64).reshape(-1).cpu()


def _named(where: Tensor, what: str) -> str:
    which = where.nonzero().flatten().tolist()
    were = "was" if len(which) == 1 else "were"
    return f"{len(which):,} {were} {what} (first: index {which[0]})" if which else ""
