"""The members of a sweep, the best on the held-out slice first: seeds of one experiment share a row."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Any

from zoo.report.formats import Column, Table
from zoo.results.interval import CONFIDENCE, binomial_variance, t_quantile
from zoo.sweeps.folder import Outcome, Sweep
from zoo.sweeps.grid import CHANCE, Member, last_word

HEADING = "held-out error, %"


@dataclass(frozen=True)
class Row:
    """An experiment of a sweep: what it sets, its runs, their errors in percent, and what became of the others."""

    values: dict[str, str]
    members: tuple[Member, ...]
    errors: tuple[float, ...]
    seconds: tuple[float, ...]
    faults: tuple[str, ...]

    @property
    def error(self) -> float | None:
        """The mean over the runs that ended well; None where none did."""
        return mean(self.errors) if self.errors else None


def ranked(sweep: Sweep) -> list[Row]:
    """The rows with the least error first, then those without one, each in the order of the grid."""
    groups: dict[tuple[str, ...], list[Member]] = {}
    for member in sweep.grid.members():
        told = tuple(value for option, value in member.values.items() if option != CHANCE)
        groups.setdefault(told, []).append(member)
    outcomes = sweep.outcomes()
    rows = [_row(sweep, members, outcomes) for members in groups.values()]
    return sorted(rows, key=lambda row: (row.error is None, row.error or 0.0))


def _row(sweep: Sweep, members: Sequence[Member], outcomes: dict[str, Outcome]) -> Row:
    errors, seconds, faults = [], [], []
    for member in members:
        outcome = outcomes.get(member.name)
        error = sweep.error(member)
        if outcome is None:
            faults.append(f"{member.name} is not over")
        elif outcome.status:
            faults.append(f"{member.name} failed: {outcome.reason.rstrip('.')}")
        elif error is None:
            faults.append(f"{member.name} was never validated: see trainer.check_val_every_n_epoch")
        else:
            errors.append(error)
            seconds.append(outcome.seconds)
    varied = {option: members[0].values[option] for option in sweep.grid.varied if option != CHANCE}
    return Row(varied, tuple(members), tuple(errors), tuple(seconds), tuple(faults))


def as_table(sweep: Sweep, rows: Sequence[Row]) -> Table:
    """The rows for reading: what differs, the error, its spread over seeds, the runs; faults are notes."""
    varied = [option for option in sweep.grid.varied if option != CHANCE]
    columns = [Column("rank", number=True), *(Column(sweep.grid.short(option)) for option in varied)]
    columns += [Column(HEADING, number=True), Column("over seeds", number=True)]
    columns += [Column("runs", number=True), Column("time a run", number=True)]
    cells = []
    for place, row in enumerate(rows, start=1):
        spread = f"± {stdev(row.errors):.2f}" if len(row.errors) > 1 else ""
        runs = f"{len(row.errors)} of {len(row.members)}" if row.faults else str(len(row.members))
        cells.append(
            [
                str(place) if row.errors else "",
                *(last_word(row.values[option]) for option in varied),
                f"{row.error:.2f}" if row.error is not None else "",
                spread,
                runs,
                f"{mean(row.seconds):.0f} s" if row.seconds else "",
            ]
        )
    title = f"{sweep.folder}: errors on {sweep.num_held_out:,} held-out images, never on the test set"
    return Table(title, columns, cells, [row.faults for row in rows])


def as_data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as plain values, for CSV and JSON."""
    return [
        {
            "rank": place if row.errors else None,
            **row.values,
            "held_out_error": row.error,
            "over_seeds": stdev(row.errors) if len(row.errors) > 1 else None,
            "errors": list(row.errors),
            "seconds": list(row.seconds),
            "runs": [member.name for member in row.members],
            "faults": list(row.faults),
        }
        for place, row in enumerate(rows, start=1)
    ]


def closing_words(sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """How sure the first rank is, and how to measure its run; nothing where no run ended well."""
    if not rows or rows[0].error is None:
        return []
    first = rows[0]
    assert first.error is not None
    outcomes = sweep.outcomes()
    half = t_quantile((1 + CONFIDENCE) / 2, float("inf")) * sqrt(binomial_variance(first.error, sweep.num_held_out))
    done = next(one for one in first.members if outcomes.get(one.name, Outcome(1, 0)).status == 0)
    return [
        f"{sweep.num_held_out:,} images tell an error of {first.error:.2f} % to within {half:.2f} points (95 %): ranks"
        " that are nearer to each other may be chance.",
        f"To measure the first on the test set: zoo test --ckpt_path {shlex.quote(str(sweep.run_dir(done)))}",
    ]
