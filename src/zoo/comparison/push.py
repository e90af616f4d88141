"""``zoo compare --push entity/project``: what was compared as W&B runs, beside the published figures."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zoo.comparison.account import mode
from zoo.comparison.measures import TOP1, TOP5, errors_of
from zoo.comparison.run import Run
from zoo.comparison.saved_report import OURS, PUBLISHED, save_report
from zoo.comparison.tables import tables_of
from zoo.comparison.tracked import PREDICTIONS, RECORD
from zoo.errors import InputError
from zoo.report.formats import Table
from zoo.report.tables import beside_published
from zoo.results.experiment import experiments
from zoo.results.published import Figure, Published, load
from zoo.results.verdict import judge

_STEP = "trainer/global_step"


def push(runs: Sequence[Run], where: str) -> str:
    """Makes a W&B run of each run, of each published figure that they are compared with, and one of the tables.

    Among the tables are those of ``zoo table``: ours beside the papers' with verdicts, and what others measured.

    The groups are ``zoo``, ``published`` and ``compared``. Returns a sentence that says where they are: without a key
    for the server they are kept in the folder wandb. ``zoo compare`` reads from there what it was given, to the last
    digit. On a server there is a report of them, too. Raises InputError for a place that is not entity/project, and
    where the client refuses.
    """
    entity, _, project = where.partition("/")
    if not entity.strip() or not project.strip() or "/" in project:
        raise InputError(f"--push {where} is no place to send to: give entity/project.")
    try:
        import wandb
    except ImportError as error:
        raise InputError("Weights & Biases is not installed: pip install wandb.") from error
    os.environ.setdefault("WANDB_SILENT", "true")
    # The client remembers where its first run of a process was.
    place = {"entity": entity, "project": project, "mode": mode(), "dir": os.getcwd()}
    if place["mode"] == "disabled":
        raise InputError(f"WANDB_MODE is disabled, so nothing goes to {where}: unset it.")
    figures = _figures(runs)
    published = load() if figures else None
    try:
        for run in runs:
            with _open(wandb, place, OURS, run.name, run.config) as opened:
                _send(wandb, opened, run)
        for figure in figures:
            assert published is not None
            with _open(wandb, place, PUBLISHED, figure.name, _about(figure, published)) as opened:
                opened.summary.update({name: value for name, value in _errors(figure).items() if value is not None})
        with _open(
            wandb, place, "compared", f"{len(runs)} runs compared", {"runs": [run.name for run in runs]}
        ) as opened:
            tables = [*tables_of(runs, sparks=False), *beside_published(run.record for run in runs if run.record)]
            opened.log({table.title: _table(wandb, table) for table in tables})
    except (wandb.Error, OSError) as error:
        raise InputError(f"Nothing more could be sent to {where}: {_reason(error)}.") from error
    number = len(runs) + len(figures) + 1
    if place["mode"] == "offline":
        # A report is made by the server alone.
        return f"Kept {number} W&B runs for {where} in the folder wandb: wandb sync --sync-all sends them."
    return f"Sent {number} W&B runs to {where}. {_report(runs, entity, project)}"


def _report(runs: Sequence[Run], entity: str, project: str) -> str:
    try:
        return f"Their report: {save_report(runs, entity, project)}"
    except ModuleNotFoundError:
        return "A report of them in W&B needs wandb-workspaces: pip install zoo-vision[reports]."
    except Exception as error:
        # The runs are there, and the client has no one class for what a server refuses.
        return f"A report of them was not saved: {_reason(error)}."


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")[:300]


@contextmanager
def _open(wandb: Any, place: dict[str, str], group: str, name: str, config: dict[str, Any]) -> Iterator[Any]:
    opened = wandb.init(**place, group=group, job_type="compare", name=name, config=config, reinit="finish_previous")
    try:
        yield opened
    finally:
        opened.finish()


def _send(wandb: Any, opened: Any, run: Run) -> None:
    for step in sorted({step for curve in run.curves.values() for step in curve}):
        row = {name: curve[step] for name, curve in run.curves.items() if step in curve}
        opened.log(row | {_STEP: step}, step=step)
    if run.answers:
        found = run.answers
        rows = [list(row) for row in zip(found.indices, found.labels, found.first, found.confidence, strict=True)]
        opened.log({PREDICTIONS: wandb.Table(columns=["index", "label", "class1", "probability1"], data=rows)})
    errors = errors_of(run)
    said = {TOP1: errors.top1_error, TOP5: errors.top5_error, "test/n": errors.n}
    opened.summary.update({name: value for name, value in said.items() if value is not None})
    if run.record:
        opened.summary[RECORD] = json.dumps(run.record.content(), allow_nan=False)


def _figures(runs: Sequence[Run]) -> list[Figure]:
    """The published figures that the runs' Records may be compared with, each once."""
    published = load()
    judged = (judge(one, published).figure for one in experiments(run.record for run in runs if run.record))
    return list({figure.name: figure for figure in judged if figure}.values())


def _about(figure: Figure, published: Published) -> dict[str, Any]:
    source = f"{published.sources[figure.source]}; {figure.where}"
    names = ("network", "variant", "dataset", "split", "protocol", "nets")
    return {name: getattr(figure, name) for name in names} | {"source": source}


def _errors(figure: Figure) -> dict[str, float | None]:
    return {TOP1: figure.top1_error, TOP5: figure.top5_error}


def _table(wandb: Any, table: Table) -> Any:
    # W&B takes each name of a column once.
    names = [column.heading or "run" for column in table.columns]
    unique = [name if names.index(name) == place else f"{name} ({place + 1})" for place, name in enumerate(names)]
    rows = [list(row) for row in table.rows]
    if table.footnotes():
        unique.append("notes")
        rows = [[*row, "; ".join(notes)] for row, notes in zip(rows, table.notes, strict=True)]
    return wandb.Table(columns=unique, data=rows)
