"""The published figures of ``benchmarks/published.yaml``, whose header explains the fields. Needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from zoo.catalog import DATA
from zoo.errors import InputError
from zoo.yaml_text import check_depth, read_own

# A wheel carries the file inside the package; in a checkout it lies under benchmarks/.
_PACKAGE = Path(__file__).resolve().parents[1]
_HOMES = (_PACKAGE, _PACKAGE.parents[1] / "benchmarks")
FILE = next((home for home in _HOMES if (home / "published.yaml").is_file()), _PACKAGE) / "published.yaml"


@dataclass(frozen=True)
class Dataset:
    """A data set's splits and what the fingerprints of its copies mean: each has ``altered`` and ``note``."""

    title: str
    images: dict[str, int | None]
    record_split: dict[str, str]
    fingerprints: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """One published error, in percent. ``nets`` above 1 is an ensemble; ``when`` narrows down whose figure it is."""

    name: str
    network: str | None
    variant: str | None
    dataset: str
    split: str
    protocol: str | None
    nets: int | None
    extra_data: bool | None
    top1_error: float | None
    top5_error: float | None
    rounding: float
    source: str
    where: str
    status: str
    when: dict[str, Any] = field(default_factory=dict)
    approximate: bool = False
    contest: int | None = None
    winner: bool | None = None
    result: str | None = None
    note: str | None = None

    @property
    def measure(self) -> str:
        """The error that is compared: top-1 where the source has it."""
        return "top5_error" if self.top1_error is None else "top1_error"

    @property
    def error(self) -> float:
        """The value of ``measure``, percent."""
        return float(getattr(self, self.measure))


@dataclass(frozen=True)
class Training:
    """What a publication's own training took: ``seconds`` from the shortest to the longest, over ``epochs``."""

    network: str
    variants: list[str]
    dataset: str
    hardware: str
    seconds: list[float]
    epochs: int | None
    source: str
    where: str
    status: str
    note: str | None = None


@dataclass(frozen=True)
class Published:
    """Everything in the file."""

    datasets: dict[str, Dataset]
    sources: dict[str, str]
    figures: tuple[Figure, ...]
    trainings: tuple[Training, ...] = ()
    papers: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def of_dataset(self, name: str) -> Iterator[Figure]:
        """The figures measured on one data set, in the order of the file."""
        return (figure for figure in self.figures if figure.dataset == name)

    def training_of(self, network: str, variant: str, dataset: str) -> Training | None:
        """What the publication of a network says of its own training on a data set; None where it is not known."""
        fitting = (one for one in self.trainings if (one.network, one.dataset) == (network, dataset))
        return next((one for one in fitting if variant in one.variants), None)

    def paper(self, network: str, variant: str) -> dict[str, Any] | None:
        """The fields of the paper of a network, or of the variant's own; None where no single paper describes it."""
        return self.papers.get(f"{network}/{variant}", self.papers[network])

    def bibtex(self, network: str, variant: str) -> str | None:
        """The paper's entry in BibTeX; None where no single paper describes the network."""
        paper = self.paper(network, variant)
        if paper is None:
            return None
        fields = {name: value for name, value in paper.items() if name not in ("type", "key")}
        lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
        return "\n".join([f"@{paper['type']}{{{paper['key']},", *lines, "}"])


def load(path: Path = FILE) -> Published:
    """The file's content. Raises InputError naming the file where it is missing or a field of it is."""
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, *state: int) -> Published:
    # Several tables and pictures of one command, or of one site, ask for it.
    try:
        text = path.read_bytes()
        check_depth(text)
        content = read_own(text)
        return Published(
            _of_the_zoo() | {name: Dataset(**fields) for name, fields in content["datasets"].items()},
            content["sources"],
            tuple(Figure(**fields) for fields in content["figures"]),
            tuple(Training(**fields) for fields in content["trainings"]),
            content["papers"],
        )
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"Cannot read the published figures {path}: {' '.join(str(error).split())}.")


def _of_the_zoo() -> dict[str, Dataset]:
    """The data sets of the catalogue that are not this package's own, under their names in Records."""
    return {
        data.name: Dataset(data.title, {**data.num_images}, {"test": data.test_split}, data.fingerprints)
        for data in DATA.values()
        if data.source not in ("made", "own")
    }
