"""What a W&B run holds besides its config and history: which data and code, the Record, predictions, the weights."""

import json
import tempfile
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from zoo import __version__
from zoo.comparison.tracked import CODE_AND_DATA, PREDICTIONS, RECORD
from zoo.errors import InputError
from zoo.evaluation.predictions import Predicted, file_names
from zoo.evaluation.recorder import Recorder
from zoo.results.record import Record
from zoo.training.console import say
from zoo.training.first_classes import FirstClasses, name_of_class
from zoo.training.loggers import OneRowAStep, staged_in
from zoo.weights.export.write import export
from zoo.weights.find import find

# W&B shows no more rows of a table.
_MOST_ROWS = 200_000


class WandbRun(Callback):
    """Adds to a W&B run what its users look for: the first process's, whatever the number of processes.

    The config gets the data's fingerprint and the commit, the summary the Record and its errors, the run a table of
    predictions; the data are its input artifact, and ``keep_weights`` makes weights with their card its output.
    """

    def __init__(self, logger: OneRowAStep, recorder: Recorder, answers: FirstClasses) -> None:
        self.logger, self.recorder, self.answers = logger, recorder, answers
        self._told = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Says which data and which code."""
        self._tell(trainer, pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The same for a test alone."""
        self._tell(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leaves predictions and Record."""
        if self.answers.found is not None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            self._leave_predictions(self.answers.found, data, trainer.global_step)
        if trainer.is_global_zero and self.recorder.record is not None:
            self._leave_record(self.recorder.record)

    def _tell(self, trainer: Any, model: Any) -> None:
        if self._told or not trainer.is_global_zero:
            return
        self._told = True
        data, network, git = trainer.datamodule, model.network, self.recorder.git or {}
        told = {
            "network": network.name,
            "variant": network.variant,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "data": data.name,
            "data_fingerprint": data.fingerprint,
            "data_fingerprint_of": data.fingerprint_of,
            "commit": git.get("commit"),
            "dirty": git.get("dirty"),
            "version": __version__,
        }
        run = self.logger.experiment
        run.config.update({CODE_AND_DATA: told}, allow_val_change=True)
        self._use(run, data)

    def _use(self, run: Any, data: Any) -> None:
        """The data as what went into the run: their fingerprint, and not the images."""
        from wandb import Artifact

        sizes = {f"num_{split}": len(images) for split, images in data.splits.items()}
        about = {"fingerprint": data.fingerprint, "fingerprint_of": data.fingerprint_of, **sizes}
        with staged_in(run):
            artifact = Artifact(data.name, type="dataset", metadata=about)
            with artifact.new_file("fingerprint.json") as file:
                json.dump(about, file, indent=2)
            # What use_artifact calls for a new one: itself it waits for the server, and refuses to work offline.
            run._log_artifact(artifact, aliases=[], is_user_created=True, use_after_commit=True)

    def _leave_record(self, record: Record) -> None:
        summary = self.logger.experiment.summary
        # As text: W&B takes a nested value apart at the dots in its keys.
        summary[RECORD] = json.dumps(record.content(), allow_nan=False)
        metrics = record.metrics
        for name in ("top1_error", "top5_error", "top1_wrong", "top5_wrong"):
            summary[f"test/{name}"] = metrics[name]
        calibration = metrics.get("calibration") or {}
        for name in ("nll", "ece"):
            if calibration.get(name) is not None:
                summary[f"test/{name}"] = calibration[name]
        summary["test/n"] = record.n
        summary["weights_sha256"] = record.weights["sha256"]

    def _leave_predictions(self, found: Predicted, data: Any, step: int) -> None:
        from wandb import Table

        names, files = data.class_names, file_names(data)
        shown = found.best.shape[1]
        heads = [f"{head}{place}" for place in range(1, shown + 1) for head in ("class", "probability")]
        columns: list[str | int] = ["index", *(["file_name"] if files else []), "label", "right", *heads]

        rows = [
            [index, *([files[index]] if files else []), name_of_class(names, label), best[0] == label]
            + [value for place in range(shown) for value in (name_of_class(names, best[place]), chances[place])]
            for index, label, best, chances in zip(
                *(getattr(found, part).tolist() for part in ("indices", "labels", "best", "probabilities")), strict=True
            )
        ]  # fmt: skip
        if len(rows) <= _MOST_ROWS:
            self.logger.add({PREDICTIONS: Table(columns=columns, data=rows)}, step)


def keep_weights(logger: OneRowAStep, run_dir: Path) -> None:
    """The trained weights with their card as the run's artifact, online and offline alike.

    Lightning's own logger refuses to keep a model offline; W&B does not.
    """
    from wandb import Artifact

    run = logger.experiment
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = export(find(run_dir), "safetensors", Path(folder) / "weights.safetensors")
        except InputError as error:
            say(f"the weights are not kept in W&B: {error}")
            return
        card = json.loads(done.path.with_suffix(".json").read_text(encoding="utf-8"))
        about = {key: card.get(key) for key in ("network", "variant", "parameters", "sha256")}
        record = card.get("record") or {}
        about |= {key: record["metrics"][key] for key in ("top1_error", "top5_error") if record}
        with staged_in(run):
            artifact = Artifact(f"weights-{run.id}", type="model", metadata=about)
            artifact.add_dir(folder)
            run.log_artifact(artifact)
