"""The shipped experiments that no Record is a run of: a table says so instead of leaving them out. Needs no torch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from zoo.catalog import DATA, NETWORKS
from zoo.configs import SHIPPED
from zoo.report.compute import spanned
from zoo.report.formats import Column, Table
from zoo.report.row import Row
from zoo.results.experiment import Experiment
from zoo.results.published import Figure, Published
from zoo.yaml_text import read_own

_COLUMNS = (
    Column("network"), Column("variant"), Column("config"), Column("protocol"), Column("published, %", True),
    Column("hardware of the time"), Column("verdict"),
)  # fmt: skip


@dataclass(frozen=True)
class Shipped:
    """One shipped config: its name, the network, variant and data set of its Records, and its whole content."""

    name: str
    network: str
    variant: str
    dataset: str
    content: dict[str, Any]

    def is_of(self, experiment: Experiment) -> bool:
        """Whether the experiment's runs have every option that the config sets and that makes another experiment."""
        record = experiment.record
        same = (record.network, record.variant, record.dataset["name"]) == (self.network, self.variant, self.dataset)
        parts = ("data", "model", "trainer")
        return same and all(_holds(record.config[part], self.content[part], experiment.ignored) for part in parts)

    def figure(self, published: Published) -> Figure | None:
        """The first published figure of a single net, on the same data and no more, whose options the config has."""
        options = {**_options(self.content["data"]), **_options(self.content["model"])}
        fitting = (
            figure
            for figure in published.of_dataset(self.dataset)
            if (figure.network, figure.variant, figure.nets) == (self.network, self.variant, 1)
            and figure.extra_data is False
            and figure.split == published.datasets[self.dataset].record_split.get("test", "test")
            and all(options.get(name) == value for name, value in figure.when.items())
        )
        return next(fitting, None)


def untrained(dataset: str, found: Iterable[Experiment]) -> list[Shipped]:
    """The shipped configs on a data set that none of the experiments is a run of, in the order of their names."""
    runs = list(found)
    return [one for one in shipped() if one.dataset == dataset and not any(one.is_of(run) for run in runs)]


@cache
def shipped() -> tuple[Shipped, ...]:
    """All shipped experiments; the overlays below them are none."""
    return tuple(_shipped())


def _shipped() -> Iterator[Shipped]:
    for file in sorted(SHIPPED.glob("*.yaml")):
        content = {"trainer": {}, **read_own(file.read_bytes())}
        options = _options(content["model"])
        network = _network(_last(content["model"]["class_path"]), options)
        dataset = DATA.get(_last(content["data"]["class_path"]))
        if network and dataset:
            variant = options.get("variant", NETWORKS[network].variants[0])
            yield Shipped(file.stem, network, variant, dataset.name, content)


def untrained_table(title: str, rows: Sequence[Row], notes: Sequence[Sequence[str]]) -> Table:
    """The rows of configs that nobody has trained, for reading."""
    return Table(title, _COLUMNS, [_cells(row) for row in rows], notes)


def _cells(row: Row) -> list[str]:
    then = f"{row.then_hardware}, {spanned(*row.then_seconds)}" if row.then_hardware and row.then_seconds else ""
    return [
        row.network or "", row.variant or "", row.config or "", row.protocol or "", published_cell(row), then,
        row.verdict,
    ]  # fmt: skip


def published_cell(row: Row) -> str:
    """The published error of a row, with what it is an error of."""
    if row.published is None:
        return ""
    about = "about " if row.published_approximate else ""
    measure = " (top-5)" if row.published_measure == "top5_error" else ""
    return f"{about}{row.published:g}{measure}"


def _network(model: str, options: dict[str, Any]) -> str | None:
    """The network that a model class trains; where it trains several, the one its options ask for."""
    trained = {name: entry.model_options for name, entry in NETWORKS.items() if entry.model == model}
    asked = (name for name, own in trained.items() if all(options.get(key) == value for key, value in own.items()))
    return next(asked, None)


def _holds(run: Any, asked: Any, ignored: Callable[[str], set[str]]) -> bool:
    """Whether a run's options have all that a config sets, whatever else they have by default.

    ``ignored`` gives the options of a class that make no other experiment.
    """
    if isinstance(asked, dict):
        if not isinstance(run, dict):
            return False
        if "class_path" in run and isinstance(asked.get("init_args"), dict):
            free = ignored(run["class_path"])
            asked = asked | {"init_args": {k: v for k, v in asked["init_args"].items() if k not in free}}
        return all(key in run and _holds(run[key], asked[key], ignored) for key in asked)
    if isinstance(asked, list):
        same_length = isinstance(run, list) and len(run) == len(asked)
        return same_length and all(_holds(*pair, ignored) for pair in zip(run, asked, strict=True))
    if isinstance(asked, str) and isinstance(run, str):
        return _last(asked) == _last(run)
    return bool(run == asked)


def _options(part: dict[str, Any]) -> dict[str, Any]:
    return part.get("init_args") or {}


def _last(class_path: str) -> str:
    return class_path.rsplit(".", maxsplit=1)[-1]
