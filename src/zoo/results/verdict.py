"""Ours against the published figure: which figure may be compared with a run, and what the comparison says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zoo.results.experiment import Experiment
from zoo.results.interval import difference_interval
from zoo.results.published import Figure, Published

REPRODUCED, BETTER, NOT_REPRODUCED = "reproduced", "better", "not reproduced"
NOT_COMPARABLE = "not comparable"
NO_FIGURE = "no published figure"
# An interval of more than this share of the published error on either side rules little out.
WIDE = 0.1


@dataclass(frozen=True)
class Verdict:
    """What the comparison says, and why.

    ``figure``, ``difference`` (ours minus published, points) and ``interval`` (95 %, of the difference) are None
    where nothing can be compared, ``reason`` then says why not. ``notes`` are what a reader must know besides.
    """

    verdict: str
    reason: str | None = None
    figure: Figure | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def judge(experiment: Experiment, published: Published) -> Verdict:
    """Compares runs with the first published figure of the same network, data, split and protocol."""
    notes = [*_notes_on_data(experiment, published), *_notes_on_runs(experiment)]
    found = _comparable(experiment, published)
    reason = found if found == NO_FIGURE else _other_images(experiment, published)
    reason = reason or (found if isinstance(found, str) else _unfit_data(experiment, published))
    if reason or isinstance(found, str):
        return Verdict(NOT_COMPARABLE, reason, notes=tuple(notes))
    figure = found[0]
    split_size = published.datasets[figure.dataset].images.get(figure.split)
    errors = experiment.errors(figure.measure)
    low, high = difference_interval(errors, experiment.record.n, figure.error, split_size, figure.rounding)
    verdict = BETTER if high < 0 else NOT_REPRODUCED if low > 0 else REPRODUCED
    notes += _notes_on_comparison(found, verdict, (high - low) / 2)
    difference = experiment.mean(figure.measure) - figure.error
    return Verdict(verdict, None, figure, difference, (low, high), tuple(notes))


def split_of(experiment: Experiment, published: Published) -> str:
    """The official name of the split that was measured: what this zoo calls ImageNet's test is its validation set."""
    name, split = experiment.record.dataset["name"], experiment.record.dataset["split"]
    return published.datasets[name].record_split.get(split, split) if name in published.datasets else split


def _comparable(experiment: Experiment, published: Published) -> list[Figure] | str:
    """The figures that measure what the runs measured, in the order of the file, or why there is none."""
    record = experiment.record
    split = split_of(experiment, published)
    figures = [
        figure
        for figure in published.of_dataset(record.dataset["name"])
        if (figure.network, figure.variant) == (record.network, record.variant) and fits(figure, experiment)
    ]
    steps: tuple[tuple[Callable[[Figure], bool], Callable[[list[Figure]], str]], ...] = (
        (lambda _: True, lambda _: NO_FIGURE),
        (
            lambda figure: figure.split == split,
            lambda left: f"other split: published on {_either(f.split for f in left)}, measured on {split}",
        ),
        (
            lambda figure: figure.nets == experiment.nets,
            lambda left: (
                f"the published figure is of {_either(_nets(f) for f in left)},"
                f" measured is {_net_count(experiment.nets)}"
            ),
        ),
        (lambda figure: figure.extra_data is False, lambda _: "the published net was trained on more data"),
        (
            lambda figure: figure.protocol == record.protocol,
            lambda left: (
                f"other protocol: published with {_either(_protocol(f) for f in left)}, measured with {record.protocol}"
            ),
        ),
        (lambda figure: not figure.approximate, lambda left: f"the source says only: about {left[0].error:g} %"),
    )
    for keep, why_not in steps:
        kept = [figure for figure in figures if keep(figure)]
        if not kept:
            return why_not(figures)
        figures = kept
    return figures


def fits(figure: Figure, experiment: Experiment) -> bool:
    """Whether the runs have the options that the figure asks for."""
    return all(experiment.option(name) == value for name, value in figure.when.items())


def _other_images(experiment: Experiment, published: Published) -> str | None:
    """The count of the images, and of their classes, where it is not the official one: more than a protocol differs."""
    dataset = experiment.record.dataset
    official = published.datasets[dataset["name"]].images.get(split_of(experiment, published))
    if official is None or dataset["num_images"] == official:
        return None
    return f"other data: {dataset['num_images']:,} images of {dataset['num_classes']:,} classes instead of {official:,}"


def _unfit_data(experiment: Experiment, published: Published) -> str | None:
    """Why the images that were scored are not those of the published figure; None where they are."""
    record = experiment.record
    data = published.datasets[record.dataset["name"]]
    if record.n < record.dataset["num_images"]:
        return f"only {record.n:,} of {record.dataset['num_images']:,} images were scored"
    if data.fingerprints and record.dataset["fingerprint"] not in data.fingerprints:
        return "other data: their fingerprint is not one of the known copies"
    return None


def _notes_on_data(experiment: Experiment, published: Published) -> list[str]:
    record = experiment.record
    data = published.datasets.get(record.dataset["name"])
    if data is None:
        return []
    if not data.fingerprints:
        return ["no fingerprint of the official data is known here, so that the copy is not checked"]
    copy = data.fingerprints.get(record.dataset["fingerprint"])
    if copy is None or not copy["altered"]:
        return []
    # The altered images may all have been decided otherwise, at worst.
    return [f"{copy['note']}, which moves the error by at most {100 * copy['altered'] / record.n:.2f} points"]


def _notes_on_runs(experiment: Experiment) -> list[str]:
    notes = ["a single run, so that the spread over seeds is not known"] if len(experiment.runs) == 1 else []
    record = experiment.record
    if record.n < record.dataset["num_images"]:
        notes.append(f"a limited test: the first {record.n:,} of {record.dataset['num_images']:,} images")
    if any(run.git is None for run in experiment.runs):
        notes.append("measured by an installed package, whose commit is not known")
    elif any(run.git and run.git["dirty"] for run in experiment.runs):
        notes.append("measured by code with uncommitted changes")
    return notes


def _notes_on_comparison(figures: list[Figure], verdict: str, half: float) -> list[str]:
    figure, notes = figures[0], []
    if figure.note:
        notes.append(f"of the published figure: {figure.note}")
    if figure.status == "S":
        notes.append("the published figure was read in a secondary source")
    if len(figures) > 1:
        notes.append(f"the first of {len(figures)} published figures; the others are in published.yaml")
    if verdict == REPRODUCED and half > WIDE * figure.error:
        notes.append("weak evidence: the interval reaches more than a tenth of the published error to either side")
    return notes


def _either(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(words))


def _net_count(nets: int) -> str:
    return "a single net" if nets == 1 else f"an ensemble of {nets}"


def _protocol(figure: Figure) -> str:
    return figure.protocol or "views that the source does not name"


def _nets(figure: Figure) -> str:
    return _net_count(figure.nets) if figure.nets else "an unknown number of nets"
