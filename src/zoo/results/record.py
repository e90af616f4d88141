"""The Record: one measured number with everything behind it. Standard library only."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.errors import InputError
from zoo.files import whole
from zoo.results.consistency import contradiction, ill_described
from zoo.results.json_file import read_json
from zoo.results.layout import laid_out
from zoo.results.schema import first_problem, record_schema

SCHEMA = 1
# Fields that older Records lack.
_LATER = ("compute", "options", "batch_norm_images", "own")


@dataclass(frozen=True)
class Record:
    """What was measured, on what, with what. Errors are percent, times seconds.

    ``metrics``: top1_error, top5_error, loss, top1_wrong, top5_wrong; newer Records also have per_class, confusion,
    near_ties and calibration, see schema.json. ``dataset``: name, fingerprint, split and the number of its images;
    ``n`` is how many of them were scored. ``git`` is None for an installed package,
    ``compute`` in Records from before there was a ledger. ``options`` is what the classes of the config declare of
    their options, by class (see ``zoo.options``); None in Records from before they did. ``batch_norm_images`` is over
    how many images a batch normalisation went in training, and where parts of the training differ in that, over how
    many in each; None for networks without one and in Records from before it was taken down. ``own`` is None for the
    zoo's networks; somebody's own is not the zoo's word, and only as good as the code: it has the ``class`` and the
    ``source_sha256`` of the file that this is in, None where there is none.
    """

    network: str
    variant: str
    parameters: int
    dataset: dict[str, Any]
    protocol: str
    n: int
    metrics: dict[str, Any]
    seed: int | None
    timing: dict[str, float | int | None]
    weights: dict[str, Any]
    config: dict[str, Any]
    git: dict[str, Any] | None
    environment: dict[str, Any]
    created: str
    schema: int = SCHEMA
    compute: dict[str, Any] | None = None
    options: dict[str, dict[str, Any]] | None = None
    batch_norm_images: list[float] | None = None
    own: dict[str, Any] | None = None

    @property
    def is_trial(self) -> bool:
        """Whether it is no result: a part of the test images was scored, or ``fast_dev_run`` took a few steps."""
        trainer = self.config.get("trainer")
        trial = isinstance(trainer, dict) and bool(trainer.get("fast_dev_run"))
        return trial or self.n < int(self.dataset["num_images"])

    def content(self) -> dict[str, Any]:
        """What the file holds, as plain values."""
        content = asdict(self)
        return {key: value for key, value in content.items() if value is not None or key not in _LATER}

    def write(self, path: Path) -> None:
        """Writes JSON in one step: the file is either whole or not there.

        Raises ValueError, and writes nothing, where ``read`` would refuse the file: that is a fault of the code.
        Raises InputError where the disk refuses.
        """
        text = laid_out(self.content())
        if problem := _problem(json.loads(text)):
            raise ValueError(f"{path} would not be a record: {problem}.")
        try:
            with whole(path, durable=True) as draft:
                draft.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"The Record cannot be written to {path} ({error.strerror}): make room and measure again."
            ) from error

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The Record in ``path``.

        Raises InputError naming the file and what is wrong: no JSON, a field missing, unknown or of a wrong type, an
        error outside 0..100 or other than 100 * wrong / n, counts that do not add up, images left out of a test that
        was not limited.
        """
        return cls.of(read_json(path, "record"), str(path))

    @classmethod
    def of(cls, content: Any, origin: str) -> "Record":
        """The Record that ``content``, as JSON has it, makes; ``origin`` is where it is from. Raises as ``read``."""
        if problem := _problem(content):
            raise InputError(f"{origin} is not a record that zoo {__version__} can read: {problem}.")
        return cls(**content)


def _problem(content: dict[str, Any]) -> str | None:
    return (
        first_problem(content, record_schema()) or ill_described(content["config"], "config") or _contradiction(content)
    )


def _contradiction(content: dict[str, Any]) -> str | None:
    """Where counts, errors and the split's size do not fit each other, in a content of the right types."""
    n, num_images = content["n"], content["dataset"]["num_images"]
    if problem := contradiction(content["metrics"], n):
        return problem
    if n > num_images:
        return f"n is {n}, but the split has only {num_images} images"
    if n < num_images and not _limited(content["config"]["trainer"]):
        return f"n is {n}, but the split has {num_images} images and the config does not limit the test"
    return None


def _limited(trainer: Any) -> bool:
    """Whether a trainer's options leave out images of the test: ``limit_test_batches`` or ``fast_dev_run``."""
    if not isinstance(trainer, dict):
        return False
    limit = trainer.get("limit_test_batches")
    # 1 is one batch, 1.0 is all of them.
    whole = limit is None or (isinstance(limit, float) and limit == 1.0)
    return not whole or bool(trainer.get("fast_dev_run"))


def finite(value: float) -> float | None:
    """``value``, or None where it is NaN or infinite, which JSON cannot hold."""
    return value if math.isfinite(value) else None
