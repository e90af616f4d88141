"""``zoo data verify`` for data sets that are read into memory: labels, counts, contents, doubles."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from zoo.data.base import InMemoryDataModule
from zoo.data.fingerprint import of_tensors
from zoo.data.verification import Finding, Verification
from zoo.errors import InputError

Arrays = dict[str, tuple[Tensor, Tensor]]

# Images of each class, by the data's own descriptions; Digits is this package's split of scikit-learn's copy.
COUNTS = {
    "cifar10": {"train": [5000] * 10, "test": [1000] * 10},
    "mnist": {
        "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    },
}
# The data that the records in benchmarks/results were measured on.
FINGERPRINTS = {
    "cifar10": "sha256:544cbd86fdf2e6fa2cebd03d568d02a0f9e83381e920c6d5ae1f14cfa3d7981a",
    "digits": "sha256:51a2e67013355661fc9c324e26f90f1925b2b882af0fc7df33f42bea7af6da32",
    "mnist": "sha256:3ee7f568b8fdc8915ba79f8c2e5cfce6e08e6def379bae044b8ec31ae87c0afb",
}


def verify_memory(data: InMemoryDataModule, root: str) -> Verification:
    """Reads ``data`` whole and compares it with what is known of it.

    Files that are there but broken become a finding; raises InputError where there are none.
    """
    data.prepare_data()
    try:
        arrays = data.read()
    except InputError as error:
        return Verification(data.name, root, {}, [Finding("unreadable", root, str(error))])
    fingerprint = of_tensors([tensor for split in arrays.values() for tensor in split])
    counts = {
        split: dict(zip(data.class_names, torch.bincount(labels, minlength=data.num_classes).tolist(), strict=True))
        for split, (_, labels) in arrays.items()
    }
    findings = [*_wrong_counts(data.name, counts), *_doubles(arrays, data.class_names)]
    expected = FINGERPRINTS.get(data.name)
    if expected and fingerprint != expected:
        detail = f"pixels or labels differ from those of the published records, whose fingerprint is {expected}"
        findings.append(Finding("other contents", root, detail))
    return Verification(data.name, root, counts, sorted(findings), fingerprint)


def _wrong_counts(name: str, counts: dict[str, dict[str, int]]) -> Iterator[Finding]:
    for split, expected in COUNTS.get(name, {}).items():
        for (label, number), official in zip(counts[split].items(), expected, strict=True):
            if number != official:
                yield Finding("wrong count", f"{split}/{label}", f"{number:,} images instead of {official:,}")


def _doubles(arrays: Arrays, class_names: list[str]) -> Iterator[Finding]:
    """Images with the same pixels as one before them; ``split[n]`` is image n of the split, counted from 0."""
    first: dict[bytes, tuple[str, int, int]] = {}
    for split, (images, labels) in arrays.items():
        pixels = images.numpy()
        for n, label in enumerate(labels.tolist()):
            digest = hashlib.blake2b(pixels[n].tobytes(), digest_size=16).digest()
            other_split, m, other_label = first.setdefault(digest, (split, n, label))
            if (other_split, m) == (split, n):
                continue
            kind = "duplicate" if label == other_label else "duplicate across classes"
            kind = kind if split == other_split else "duplicate across splits"
            detail = f"{class_names[label]}: the same pixels as {other_split}[{m}], {class_names[other_label]}"
            yield Finding(kind, f"{split}[{n}]", detail)
