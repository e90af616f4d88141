"""What a page is about: networks with their Records, their weights where there are some, and their layers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.comparison.run import Run
from zoo.comparison.sources import runs_of
from zoo.errors import InputError
from zoo.report.network import describe, describe_network
from zoo.report.row import label_of
from zoo.results.record import Record
from zoo.weights.cards import shipped
from zoo.weights.find import find
from zoo.weights.trained import Weights


@dataclass(frozen=True)
class Subject:
    """One network of a page.

    ``weights`` is None where only a Record was given; ``layers`` is what ``zoo info`` says of the network.
    ``config`` is the name of the config that it was trained by, where that is known.
    """

    run: Run
    record: Record
    weights: Weights | None
    layers: dict[str, Any]
    config: str | None

    @property
    def title(self) -> str:
        """The network and its variant, as tables name them."""
        return label_of(self.record.network, self.record.variant)


def subjects_of(words: Iterable[str]) -> list[Subject]:
    """The networks that are meant: weights, run folders, Records. Raises InputError where one was not measured."""
    return [_subject(run) for run in runs_of(words)]


def _subject(run: Run) -> Subject:
    if run.record is None:
        raise InputError(f"{run.where} has no Record, so there is nothing to report: measure it with zoo test.")
    weights = _weights(run)
    record = run.record
    if weights is None:
        layers, config = describe(record.network, record.variant), None
    else:
        layers, config = describe_network(weights.bare_network()), weights.meta.get("config")
    if not isinstance(config, str):
        # Of a run its folder has the config's name, of a Record the file.
        config = run.name.partition("/")[0].partition("-seed")[0]
    return Subject(run, record, weights, layers, config)


def _weights(run: Run) -> Weights | None:
    """Its weights; None where only the Record is at hand, or the checkpoint is gone."""
    if run.name in shipped():
        return find(run.name)
    if not Path(run.where).is_dir():
        return None
    try:
        found = find(run.where)
    except InputError:
        return None
    # As the rest of the page calls it, which may be sent: folders of this machine are named with the provenance.
    found.name = run.name
    return found
