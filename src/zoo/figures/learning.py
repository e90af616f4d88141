"""``curves``: how losses and errors fell while runs were trained, over steps, epochs or images."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.comparison.run import Curve, Run
from zoo.comparison.tables import shown_metrics
from zoo.errors import InputError, nearest
from zoo.figures import style
from zoo.figures.measured import and_more, line_of, the_runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OVER = ("steps", "epochs", "images")
_DASHES = ("-", "--", ":", "-.")
_UNITS = {"top1_error": "top-1 error, %", "top5_error": "top-5 error, %", "loss": "loss, nats or the paper's own"}


def placed(run: Run, curve: Curve, over: str) -> tuple[list[float], list[float]]:
    """A curve's places and values: ``steps`` taken, ``epochs`` begun and done in parts, or training ``images`` seen.

    A step is as many images as the config's batch has. Raises InputError where a run does not say what is asked for.
    """
    steps = [step + 1 for step in curve]
    if over == "steps":
        return [float(step) for step in steps], [*curve.values()]
    record = run.record
    taken, seen, epochs = (
        (record.timing.get(name) if record else None) for name in ("train_steps", "train_images", "train_epochs")
    )
    if not taken or not seen or not epochs:
        raise InputError(f"{run.where} has no Record that says how many {over} a step is: draw it over steps.")
    whole = (seen if over == "images" else epochs) / taken
    return [step * whole for step in steps], [*curve.values()]


@style.styled
def curves(*names: "str | Path", over: str = "steps", metric: Sequence[str] | None = None) -> "Figure":
    """Learning curves of one or several runs, a panel a metric: losses and errors, unless ``metric`` names some.

    ``over``: steps, epochs or images. Train and val of one measure share a panel, val drawn with points. Raises
    InputError where nothing was logged.
    """
    return curves_of(the_runs(names), over, metric)


@style.styled
def curves_of(
    runs: Sequence[Run], over: str = "steps", metric: Sequence[str] | None = None, *, stacked: bool = False
) -> "Figure":
    """``curves`` of runs that are read already, with the panels ``stacked`` for a narrow screen."""
    if over not in OVER:
        raise InputError(f"Curves are over {', '.join(OVER)}, not over {over!r}: {nearest(over, OVER)}")
    known = shown_metrics(runs)
    if not any(run.curves for run in runs):
        raise InputError(f"{runs[0].where} has no learning curves: give a run folder or a run of W&B's.")
    every = sorted({name for run in runs for name in run.curves})
    for name in metric or ():
        if name not in every:
            raise InputError(f"The runs did not log {name!r}: {nearest(name, every)}")
    panels: dict[str, list[str]] = {}
    for name in metric or known:
        panels.setdefault(name.split("/")[-1], []).append(name)
    named = len({(run.name, name.split("/")[0]) for run in runs for name in metric or known if name in run.curves})
    if stacked:
        figure = style.new(4.2, 1.4 + 3.2 * len(panels) + 0.2 * named)
        drawn = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    else:
        figure = style.new(2.2 + max(4.6, 4.0 * len(panels)), 4.3)
        drawn = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (measure, members) in zip(drawn, sorted(panels.items()), strict=True):
        _panel(axes, runs, members, over)
        axes.set(xlabel={"images": "training images seen"}.get(over, over), ylabel=_UNITS.get(measure, measure))
    handles = {label: handle for axes in drawn for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if stacked:
        # One of the whole figure would lie on the caption.
        drawn[0].legend([*handles.values()], [*handles], loc="lower left", bbox_to_anchor=(0, 1.02), fontsize=8)
    else:
        figure.legend([*handles.values()], [*handles], loc="outside right upper")
    lines = "\n".join(line_of(run) for run in runs[:4]) + and_more(runs)
    ends = [
        f"{run.name} ends at {name} {run.last(name):.4g}"
        for run in runs
        for name in metric or known
        if name in run.curves
    ]
    return style.describe(figure, "Learning curves", lines, f"Learning curves over {over}: {'; '.join(ends[:12])}.")


def _panel(axes: "Axes", runs: Sequence[Run], members: Sequence[str], over: str) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    values = []
    for place, run in enumerate(runs):
        for name in members:
            if name not in run.curves:
                continue
            x, y = placed(run, run.curves[name], over)
            values += [value for value in y if math.isfinite(value)]
            held_out = name.startswith("val/")
            axes.plot(
                x, y, color=style.COLOURS[place % len(style.COLOURS)], linewidth=1.4,
                linestyle=_DASHES[place // len(style.COLOURS) % len(_DASHES)],
                label=f"{run.name}, {name.split('/')[0]}",
                marker="o" if held_out or len(x) < 2 else None, markersize=3.5,
            )  # fmt: skip
    # Six-figure steps would run into each other.
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    # From an initial loss of thousands nothing else could be seen on a linear axis.
    if values and min(values) > 0 and max(values) > 20 * min(values):
        axes.set_yscale("log")
    elif values and min(values) >= 0:
        axes.set_ylim(bottom=0)
    axes.grid(axis="y", linewidth=0.5)
