"""``zoo data verify`` for data sets that are read into memory: labels, counts, contents, doubles."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from zoo.catalog import DataSet
from zoo.data.base import InMemoryDataModule
from zoo.data.fingerprint import of_tensors
from zoo.data.verification import Finding, Verification
from zoo.errors import InputError

Arrays = dict[str, tuple[Tensor, Tensor]]


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
    findings = [*wrong_counts(data.facts, counts), *_doubles(arrays, data.class_names)]
    other_files = list(_other_files(data))
    findings += other_files
    known = data.facts.fingerprints if data.facts else {}
    if known and fingerprint in known:
        if known[fingerprint]["altered"]:
            findings.append(Finding("altered copy", root, f"not the official files: {known[fingerprint]['note']}"))
    elif known and data.official_sums() and not other_files and all(copy["altered"] for copy in known.values()):
        # The copy that is known is not the official one, which only its files' checksums tell.
        (note,) = (copy["note"] for copy in known.values())
        findings.append(Finding("official files", root, f"of the copy behind the records here: {note}"))
    elif known:
        expected = " or ".join(known)
        detail = f"pixels or labels differ from those of the published records, whose fingerprint is {expected}"
        findings.append(Finding("other contents", root, detail))
    return Verification(data.name, root, counts, sorted(findings), fingerprint)


def _other_files(data: InMemoryDataModule) -> Iterator[Finding]:
    """The files whose checksum is not the official one."""
    for path, official in data.official_sums().items():
        kind, expected = official.split(":")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, kind).hexdigest()
        if found != expected:
            yield Finding("other contents", path.name, f"{kind} {found} instead of {expected}")


def wrong_counts(facts: DataSet | None, counts: dict[str, dict[str, int]]) -> Iterator[Finding]:
    """The classes that do not have as many images as the official data, where their numbers are known."""
    for official_split, expected in facts.images.items() if facts else ():
        if isinstance(expected, int):
            continue
        split = "test" if facts and official_split == facts.test_split else official_split
        if len(counts[split]) != len(expected):
            yield Finding("wrong count", split, f"{len(counts[split]):,} classes instead of {len(expected):,}")
            continue
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
