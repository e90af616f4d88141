"""What a row of ``zoo table`` cost: images, multiply-accumulates, time and device, beside the hardware of its time."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from zoo.report.formats import Column, Table
from zoo.report.row import Row
from zoo.results.experiment import Experiment
from zoo.results.published import Published, Training
from zoo.results.record import Record

# Records written before there was a ledger name no multiply-accumulates: those of one image, and how many forward
# passes training on it is worth (None: not countable so), by network, variant and parameters. A test counts them anew.
BEFORE_THE_LEDGER: dict[tuple[str, str, int], tuple[int, int | None]] = {
    ("nearest_neighbour", "paper", 153_600_000): (153_600_000, 0),
    ("eigenfaces", "paper", 1_595_232): (1_592_160, None),
    ("hog_svm", "paper", 17_650): (17_640, None),
    ("perceptron", "paper", 30_730): (30_720, 2),
    ("perceptron", "mark1", 5_120): (5_120, 2),
    ("linear", "paper", 30_730): (30_720, 3),
    ("mlp", "paper", 308_310): (308_200, 3),
    ("symmetry", "paper", 17): (14, 3),
    ("neocognitron", "paper", 29_472): (1_214_496, 1),
    ("linear", "paper", 7_850): (7_840, 3),
    ("mlp", "paper", 238_510): (238_200, 3),
    ("lenet5", "paper", 60_000): (326_520, 3),
    ("lenet5", "paper", 60_300): (561_720, 3),
    ("convnetjs", "paper", 22_466): (3_920_000, 3),
    ("cuda_convnet", "18pct", 89_578): (12_298_240, 3),
}
_COLUMNS = (
    Column("network"), Column("variant"), Column("training"), Column("images seen", True),
    Column("training MACs", True), Column("wall time", True), Column("device"), Column("hardware of the time"),
    Column("time then", True),
)  # fmt: skip
_UNITS = ((604_800, "weeks"), (86_400, "days"), (3_600, "hours"), (60, "minutes"))
_THOUSANDS = ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def compute_part(experiment: Experiment, published: Published) -> dict[str, Any]:
    """The keys of a row that say what its runs cost, in the mean, and what the publication's training took."""
    runs, record = experiment.runs, experiment.record
    trained = [macs for macs in map(train_macs_of, runs) if macs is not None]
    then = published.training_of(record.network, record.variant, record.dataset["name"])
    return {
        "macs": macs_of(record),
        "train_images": _rounded(mean(run.timing["train_images"] or 0 for run in runs)),
        "train_macs": _rounded(mean(trained)) if len(trained) == len(runs) else None,
        "train_seconds": _rounded(mean(run.timing["train_seconds"] or 0 for run in runs)),
        "device": ", ".join(sorted({device_of(run) for run in runs})),
        **then_part(then, published),
    }


def then_part(then: Training | None, published: Published) -> dict[str, Any]:
    """The keys of a row about the hardware of the time."""
    return {
        "then_hardware": then.hardware if then else None,
        "then_seconds": list(then.seconds) if then else None,
        "then_source": f"{published.sources[then.source]}; {then.where}" if then else None,
        "then_status": then.status if then else None,
        "then_note": then.note if then else None,
    }


def compute_table(title: str, rows: Sequence[Row]) -> Table:
    """The cost of rows whose runs trained something, for reading: a training once, under however many protocols."""
    trainings = {
        (row.network, row.variant, row.training, row.train_images, row.train_seconds): row for row in rows[::-1]
    }
    once = [row for row in rows if row in trainings.values()]
    return Table(title, _COLUMNS, [_cells(row) for row in once], [_notes(row) for row in once])


def _cells(row: Row) -> list[str]:
    then = spanned(*row.then_seconds) if row.then_seconds else ""
    macs = "" if row.train_macs is None else counted(row.train_macs)
    return [
        row.network or "", row.variant or "", row.training or "", f"{row.train_images:,.0f}", macs,
        duration(row.train_seconds or 0), row.device or "", row.then_hardware or "", then,
    ]  # fmt: skip


def _notes(row: Row) -> list[str]:
    second = ", read in a secondary source" if row.then_status == "S" else ""
    source = [f"hardware and time then: {row.then_source}{second}"] if row.then_source else []
    uncounted = ["what training computed is no sequence of forward passes, and is not counted"]
    return source + ([row.then_note] if row.then_note else []) + (uncounted if row.train_macs is None else [])


def duration(seconds: float) -> str:
    """Seconds in the largest unit of which there are two: ``80 seconds``, ``6.8 minutes``."""
    size, unit = _unit(seconds)
    return f"{_digits(seconds / size)} {unit}"


def spanned(low: float, high: float) -> str:
    """A range of seconds: ``5 to 6 days``."""
    size, unit = _unit(low)
    return duration(low) if low == high else f"{_digits(low / size)} to {_digits(high / size)} {unit}"


def counted(number: float) -> str:
    """A large number with a prefix: ``1.18 T``."""
    size, prefix = next(((size, prefix) for size, prefix in _THOUSANDS if number >= size), (1, ""))
    return f"{_digits(number / size)} {prefix}".strip()


def _unit(seconds: float) -> tuple[int, str]:
    return next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), (1, "seconds"))


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def macs_of(record: Record) -> int | None:
    """Multiply-accumulates of one image; None where nobody counted them."""
    if record.compute:
        return record.compute["macs"]
    return _old(record)[0]


def train_macs_of(record: Record) -> int | None:
    """Multiply-accumulates of the whole training; None where they are not countable so."""
    if record.compute:
        return record.compute["train_macs"]
    macs, forward_passes = _old(record)
    if macs is None or forward_passes is None:
        return None
    return forward_passes * macs * int(record.timing["train_images"] or 0)


def _old(record: Record) -> tuple[int | None, int | None]:
    return BEFORE_THE_LEDGER.get((record.network, record.variant, record.parameters), (None, None))


def device_of(record: Record) -> str:
    """What it ran on: ``cpu``, ``8 x NVIDIA H100``."""
    processes = record.environment.get("processes", 1)
    return f"{processes} x {record.environment['device']}" if processes > 1 else record.environment["device"]


def _rounded(value: float) -> float:
    """Without the noise of floating-point sums; far finer than anything that was measured."""
    return round(value, 6)
