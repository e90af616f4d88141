"""What a check of a data set found, as plain data. Standard library only."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

# Faults stop training or falsify its result; the rest are oddities that the official data have, too.
FAULTS = {
    "zero bytes": "an empty file",
    "truncated": "cut short: pixels or the end marker are missing",
    "not an image": "no image of any known format",
    "unreadable": "damaged beyond decoding, or closed to this user",
    "wrong folder": "its name begins with another class's wnid",
    "wrong count": "more or fewer images than the official data have",
    "empty class": "a class folder without images",
    "unknown class": "a class of val that train does not have",
    "loose image": "an image of val beside its class folders: zoo data fetch imagenet moves it",
    "no labels": "a flat val/ whose classes are not known",
    "missing file": "a part of a prepared store is not there",
    "other contents": "not the official files, or not those that were prepared",
}
NOTICES = {
    "altered copy": "not the official files; a copy that is known, with which the records here were made",
    "official files": "by their checksums; the records here were made with a copy that is not quite the same",
    "wrong format": "another format than the name says; it is read all the same",
    "CMYK": "printing colours; read as RGB",
    "greyscale": "one channel; read as RGB",
    "EXIF orientation": "asks to be turned or mirrored, which training does not do",
    "very small": "under 32 pixels on one side",
    "stray file": "lies where, or is named as, nothing is read",
    "duplicate": "the same pixels as another image of the same class",
    "duplicate across classes": "the same pixels as an image of another class",
    "duplicate across splits": "the same pixels as an image of another split",
}
KINDS = FAULTS | NOTICES


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing found: its kind (a key of ``KINDS``), where, and the particulars."""

    kind: str
    path: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it stops training or falsifies its result."""
        return self.kind in FAULTS


@dataclass(frozen=True)
class Verification:
    """A data set's check: images a class and split, what was found (sorted), and the fingerprint.

    ``manifest`` is where the list of files was written, None for data sets that have none.
    """

    dataset: str
    root: str
    counts: dict[str, dict[str, int]]
    findings: list[Finding] = field(default_factory=list)
    fingerprint: str | None = None
    manifest: str | None = None

    @property
    def num_faults(self) -> int:
        """How many of the findings are faults."""
        return sum(finding.is_fault for finding in self.findings)

    @property
    def kinds(self) -> dict[str, int]:
        """How many findings there are of each kind, in the order of ``KINDS``."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def plain(self) -> dict[str, Any]:
        """Everything as lists, numbers and strings."""
        return asdict(self) | {
            "faults": self.num_faults,
            "notices": len(self.findings) - self.num_faults,
            "kinds": self.kinds,
            "findings": [asdict(f) | {"severity": "fault" if f.is_fault else "notice"} for f in self.findings],
        }
