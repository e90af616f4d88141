"""Where metrics go: metrics.csv in the run folder, and Weights & Biases, TensorBoard or MLflow where asked for."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from zoo.comparison.account import mode
from zoo.errors import EMPTY, InputError
from zoo.files import whole
from zoo.results.metrics_file import read_metrics
from zoo.runs import name_of

# What the name of a W&B project cannot have.
FORBIDDEN = "/\\#?%:"
LONGEST_TAG = 64
# The trainer's step, as Lightning names it in W&B.
STEP = "trainer/global_step"
# Where W&B keeps what it will send.
STAGING = "WANDB_DATA_DIR"


@dataclass
class Wandb:
    """Weights & Biases. Runs of one project can be laid side by side there.

    Without a key for the server (WANDB_API_KEY or netrc) a run is kept offline in its folder: ``wandb sync`` sends it.
    """

    project: str = "zoo"
    entity: str | None = None
    group: str | None = None
    name: str | None = None
    tags: list[str] | None = None
    job_type: str | None = None
    notes: str | None = None
    pictures: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for a name that W&B has no place for."""
        for name, value in vars(self).items():
            if isinstance(value, str) and not value.strip():
                raise ValueError(f"wandb.{name} is empty: {EMPTY}.")
        if wrong := [tag for tag in self.tags or () if not 1 <= len(tag.strip()) <= LONGEST_TAG]:
            raise ValueError(f"wandb.tags has {wrong[0]!r}: W&B takes tags of 1 to {LONGEST_TAG} characters.")
        if forbidden := [sign for sign in FORBIDDEN if sign in self.project]:
            raise ValueError(f"wandb.project cannot be {self.project!r}: W&B takes no {forbidden[0]!r} in it.")


@dataclass
class TensorBoard:
    """TensorBoard: a run's curves, in its folder tensorboard. ``tensorboard --logdir runs`` shows those of all runs."""

    flush_secs: int = 30
    pictures: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for a time that is none."""
        if self.flush_secs < 1:
            raise ValueError(
                f"tensorboard.flush_secs is seconds between two writes, at least 1, not {self.flush_secs}."
            )


@dataclass
class MLflow:
    """MLflow. MLFLOW_TRACKING_URI is the server, as for MLflow's own commands."""

    experiment: str = "zoo"

    def __post_init__(self) -> None:
        """Raises ValueError for an empty name."""
        if not self.experiment.strip():
            raise ValueError(f"mlflow.experiment is empty: {EMPTY}.")


class _Writer(ExperimentWriter):
    def __init__(self, log_dir: str) -> None:
        super().__init__(log_dir)
        self.num_rows = len(self.rows())
        if self._fs.isfile(self.metrics_file_path):
            with self._fs.open(self.metrics_file_path, "r", newline="") as file:
                self.metrics_keys = list(next(csv.reader(file), []))

    def _check_log_dir_exists(self) -> None:
        """The run folder exists on purpose: config.yaml is in it."""

    def save(self) -> None:
        """Adds what was logged to the file. Raises InputError where the disk refuses, and leaves no half of a row."""
        if not self.metrics:
            return
        path = Path(self.metrics_file_path)
        try:
            if self._record_new_keys() or not path.is_file():
                self._rewrite([*self.rows(), *self.metrics])
            else:
                self._append(path)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror}): make room; a run that has a checkpoint goes on with"
                f" zoo fit --resume {path.parent}."
            ) from error
        self.num_rows += len(self.metrics)
        self.metrics = []

    def _append(self, path: Path) -> None:
        size = path.stat().st_size
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, fieldnames=self.metrics_keys).writerows(self.metrics)
        except OSError:
            with suppress(OSError):
                os.truncate(path, size)
            raise

    def cut(self, num_rows: int) -> None:
        """Keeps only the first ``num_rows`` rows; no file at all where that is none."""
        if self.num_rows > num_rows:
            if num_rows:
                self._rewrite(self.rows()[:num_rows])
            else:
                Path(self.metrics_file_path).unlink()
                self.metrics_keys = []
            self.num_rows = num_rows

    def rows(self) -> list[dict[str, str]]:
        """What the file holds, none where there is no file. Raises InputError for one that holds no metrics."""
        path = Path(self.metrics_file_path)
        if not path.exists():
            return []
        return read_metrics(path)

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        """Renamed into place: a run that is killed meanwhile loses nothing."""
        path = Path(self.metrics_file_path)
        with whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=self.metrics_keys)
            writer.writeheader()
            writer.writerows(rows)


class MetricsFile(CSVLogger):
    """``metrics.csv`` directly in the run folder, one row for each time something was logged."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir.parent, name="", version=run_dir.name)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The writer; made without Lightning's check, which would delete the metrics of an earlier part of the run."""
        if self._experiment is None:
            self._experiment = _Writer(log_dir=self.log_dir)
        return self._experiment

    def check(self) -> None:
        """Raises InputError where an earlier part of the run left a file that holds no metrics."""
        self.experiment  # noqa: B018  (reads it)

    def log_hyperparams(self, params: Any = None) -> None:
        """Nothing: config.yaml holds them all."""

    @rank_zero_only
    def flush(self) -> int:
        """Writes what was logged to the file; returns how many rows it holds then, on the first process."""
        self.save()
        num_rows: int = self.experiment.num_rows
        return num_rows

    @rank_zero_only
    def cut(self, num_rows: int) -> None:
        """Removes all rows but the first ``num_rows``."""
        self.experiment.cut(num_rows)


class OneRowAStep(WandbLogger):
    """Weights & Biases with one row for each step of the trainer, in order, whatever was logged in how many parts.

    W&B's own step is the trainer's. Where a run goes on on a server from a checkpoint, the steps that were made again
    are the same to the bit, and those that the server has are not sent twice.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        #: What was logged at the last step, and is sent with the next one or at the end.
        self.row: dict[str, Any] = {}

    @property
    def experiment(self) -> Any:
        """The W&B run, begun where it is first asked for. Raises InputError where W&B does not begin it."""
        import wandb

        try:
            return super().experiment
        except wandb.Error as error:
            reason = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")[:300]
            raise InputError(
                f"Weights & Biases does not begin the run: {reason}; WANDB_MODE=offline keeps it in its folder."
            ) from error

    @rank_zero_only
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Adds to the row of the step."""
        self.add(metrics, 0 if step is None else step)

    @rank_zero_only
    def add(self, values: Any, step: int) -> None:
        """The same for tables and images; steps do not go back."""
        if self.row and self.row[STEP] != step:
            self.flush()
        self.row |= {**values, STEP: step}

    @rank_zero_only
    def flush(self) -> None:
        """Sends the row of the last step."""
        row, self.row = self.row, {}
        if row and row[STEP] >= self.experiment.starting_step:
            # Tables are kept as artifacts, and the images in them nowhere else.
            with staged_in(self.experiment):
                self.experiment.log(row, step=row[STEP])


@contextmanager
def staged_in(run: Any) -> Iterator[None]:
    """W&B keeps the files of artifacts until they are sent: in the run's folder, where ``wandb sync`` may come later.

    Where nobody says so, it is the home folder of whoever trained, which another machine does not have.
    """
    given = os.environ.get(STAGING)
    os.environ[STAGING] = given or str(Path(run.settings.wandb_dir).absolute())
    try:
        yield
    finally:
        if given is None:
            del os.environ[STAGING]


def wandb_logger(options: Wandb, run_dir: Path, config: dict[str, Any]) -> OneRowAStep:
    """A logger that carries the whole ``config`` and is named after the run folder. Raises InputError without wandb.

    Where the folder has a W&B run from an earlier part of the run, that one goes on.
    """
    try:
        return OneRowAStep(
            name=options.name or name_of(run_dir),
            id=_earlier_id(run_dir),
            # The process of W&B's that writes may have another working folder.
            save_dir=run_dir.absolute(),
            project=options.project,
            entity=options.entity,
            group=options.group,
            job_type=options.job_type,
            tags=options.tags,
            notes=options.notes,
            # Not Lightning's offline, which is for good, and unknown to a client that was asked something before.
            mode=mode(),
            log_model=False,
            config=config,
        )
    except ModuleNotFoundError as error:
        raise InputError("Weights & Biases is not installed: pip install wandb, or leave the overlay out.") from error


def tensorboard_logger(options: TensorBoard, run_dir: Path) -> Logger:
    """A logger that writes to tensorboard/ in the run folder. Raises InputError without the package."""
    try:
        return TensorBoardLogger(
            run_dir, name="", version="tensorboard", default_hp_metric=False, flush_secs=options.flush_secs
        )
    except ModuleNotFoundError as error:
        raise InputError("TensorBoard is not installed: pip install tensorboard, or leave the overlay out.") from error


def mlflow_logger(options: MLflow, run_dir: Path) -> Logger:
    """A logger that is named after the run folder.

    Raises InputError without the package, and without a server where the package can keep no database itself.
    """
    if find_spec("mlflow") is None:
        raise InputError("MLflow is not installed: pip install mlflow-skinny, or leave the overlay out.")
    server = os.environ.get("MLFLOW_TRACKING_URI")
    if not server and find_spec("sqlalchemy") is None:
        raise InputError(
            "MLflow has no place to log to: set MLFLOW_TRACKING_URI to its server, or pip install mlflow, which keeps"
            " mlflow.db in the working folder."
        )
    # It would tell its makers that it is used.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    name = "/".join(run_dir.absolute().parts[-2:])
    return MLFlowLogger(options.experiment, name, server or "sqlite:///mlflow.db", save_dir=str(run_dir))


def tell_config(loggers: list[Logger], config: dict[str, Any]) -> None:
    """Gives MLflow, where it is among ``loggers``, the whole config; a run begins there with that."""
    for logger in loggers:
        if isinstance(logger, MLFlowLogger):
            logger.log_hyperparams(config)


def _earlier_id(run_dir: Path) -> str | None:
    # W&B's folders are run-<time>-<id>, or offline-run-<time>-<id> without a key; of two that begin in one second, the
    # later one's name goes on with a number, but the file in it does not.
    files = sorted((run_dir / "wandb").glob("*run-*-*/run-*.wandb"), key=lambda file: file.parent.stat().st_mtime)
    return files[-1].stem.removeprefix("run-") if files else None


@rank_zero_only
def send_again(loggers: list[Logger]) -> None:
    """Gives W&B what metrics.csv holds when a run goes on: what a kill kept W&B's own process from writing, it lost.

    A server gets only the steps that it lacks; offline, the new part of the run holds all of them.
    """
    rows = [row for logger in loggers if isinstance(logger, MetricsFile) for row in logger.experiment.rows()]
    for logger in loggers:
        if isinstance(logger, OneRowAStep):
            for row in rows:
                told = {name: float(value) for name, value in row.items() if value and name != "step"}
                # As Lightning gives it.
                logger.add(told | ({"epoch": int(told["epoch"])} if "epoch" in told else {}), int(row["step"]))


def close(loggers: list[Logger]) -> None:
    """Ends the W&B runs among ``loggers``; the next run in this process would go on in them."""
    for logger in loggers:
        if isinstance(logger, OneRowAStep):
            logger.flush()
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()
