"""What a picture of measurements is of: any run that ``zoo compare`` reads, and the line that names it."""

from collections.abc import Sequence
from pathlib import Path

from zoo.comparison.measures import errors_of
from zoo.comparison.run import Run
from zoo.comparison.sources import runs_of
from zoo.errors import InputError
from zoo.report.row import label_of


def the_run(name: str | Path | Run) -> Run:
    """The one run that is meant. Raises InputError where ``name`` means none, or several."""
    found = the_runs([name])
    if len(found) > 1:
        raise InputError(f"{name} holds {len(found)} runs, and the figure is of one: give one of them.")
    return found[0]


def the_runs(names: Sequence[str | Path | Run]) -> list[Run]:
    """All runs that are meant; one that is given is itself."""
    return [run for name in names for run in ([name] if isinstance(name, Run) else runs_of([str(name)]))]


def and_more(runs: Sequence[Run], named: int = 4) -> str:
    """A line for the runs that a caption has no room for, where there are any."""
    return f"\nand {len(runs) - named} more" if len(runs) > named else ""


def line_of(run: Run) -> str:
    """Name, network and error of a run, with n, for the caption of a picture."""
    errors = errors_of(run)
    parts = [run.name]
    if run.record:
        parts[0] += f": {label_of(run.record.network, run.record.variant)} on {run.record.dataset['name']}"
    if errors.top1_error is not None:
        n = "" if errors.n is None else f" (n = {errors.n:,})"
        parts.append(f"{errors.top1_error:.2f} % top-1 error{n}")
    return ", ".join(parts)
