"""What ``zoo compare --push`` sent, as a report of W&B's: the tables, and charts of ours beside what was published."""

from collections.abc import Sequence
from typing import Any

from zoo.comparison.document import document
from zoo.comparison.measures import TOP1
from zoo.comparison.run import Run
from zoo.report.formats import write
from zoo.report.tables import beside_published

#: Those that were compared, and what papers print: the groups of the runs that were sent.
OURS, PUBLISHED = "zoo", "published"
# What is drawn over the trainer's step, where runs have it.
_CURVES = ("train/loss", "val/top1_error")
_STEP = "trainer/global_step"


def save_report(runs: Sequence[Run], entity: str, project: str) -> str:
    """Saves the report in the project, and returns its address.

    W&B's own package for reports makes it, which is Apache-2.0 and kept by them. Raises ModuleNotFoundError without it.
    """
    from wandb_workspaces.reports import v2 as reports

    sets = [
        reports.Runset(entity=entity, project=project, name=group, filters=f"Group = '{group}'")
        for group in (OURS, PUBLISHED)
    ]
    panels: list[Any] = [
        reports.BarPlot(title="top-1 error, ours and published", metrics=[reports.SummaryMetric(TOP1)], title_x="%")
    ]
    benchmark = beside_published(run.record for run in runs if run.record)
    drawn = [name for name in _CURVES if any(name in run.curves for run in runs)]
    panels += [reports.LinePlot(title=name, x=_STEP, y=[name], title_x="step") for name in drawn]
    report = reports.Report(
        entity=entity,
        project=project,
        title=f"{len(runs)} runs compared",
        description="Made by zoo compare --push.",
        width="fluid",
        blocks=[
            reports.PanelGrid(runsets=sets, panels=panels),
            reports.MarkdownBlock(text=document(runs, "md")),
            *([reports.MarkdownBlock(text=write("md", [], benchmark))] if benchmark else []),
        ],
    )
    return str(report.save().url)
