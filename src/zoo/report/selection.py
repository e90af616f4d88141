"""Which rows and columns of the tables are shown, and in which order."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.report.row import Row

NOT_MEASURED = "not measured"
ORDERS: dict[str, Callable[[Row], Any]] = {
    "error": lambda row: -row.error,
    "network": lambda row: list(NETWORKS).index(row.network or "") if row.network in NETWORKS else len(NETWORKS),
    "parameters": lambda row: row.parameters or 0,
    "macs": lambda row: row.macs or 0,
    "time": lambda row: row.train_seconds or 0,
}


@dataclass(frozen=True)
class Selection:
    """What is shown: columns by their headings and networks by name, all where there are none.

    ``sort`` is a key of ``ORDERS``. ``folded`` leaves out what training took, the published figures that nothing is
    compared with, and recipes that a later one has replaced; ``trials`` takes trials in.
    """

    columns: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    sort: str = "error"
    folded: bool = False
    trials: bool = False


EVERYTHING = Selection()


def selected(rows: Iterable[Row], selection: Selection) -> list[Row]:
    """The rows of a table that are to be shown, those that were measured in the order asked for.

    Raises InputError for a network that there is not.
    """
    check_networks(selection.networks)
    kept = [row for row in rows if not selection.networks or row.network in selection.networks]
    if selection.folded:
        kept = [row for row in kept if row.verdict != NOT_MEASURED and not row.replaced]
    ours = sorted((row for row in kept if row.runs), key=ORDERS[selection.sort])
    return ours + [row for row in kept if not row.runs]


def check_networks(names: Sequence[str]) -> None:
    """Raises InputError, with the nearest name, for a network that the zoo does not have."""
    for name in names:
        if name not in NETWORKS:
            near = difflib.get_close_matches(name.lower(), NETWORKS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(NETWORKS)}."
            raise InputError(f"There is no network {name!r}: {hint}")
