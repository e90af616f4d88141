"""The callback that turns a test into a Record."""

import math
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from zoo.errors import Diverged
from zoo.evaluation.batch_norm import images_seen
from zoo.evaluation.collectors import TrainerMeasures
from zoo.evaluation.digest import weights_digest
from zoo.evaluation.record_builder import build_record
from zoo.options import declared
from zoo.results.provenance import git_state
from zoo.results.record import Record

LEDGER_KEY = "zoo_ledger"


class Recorder(Callback):
    """Times training and test, counts images, and writes ``record.json`` when a test ends.

    ``path`` is the file, ``config`` the whole configuration as plain values.
    ``record`` holds the last Record on the first process and is None elsewhere.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path, self.config = path, config
        # Taken now: this is the code that has been imported, whatever is edited while it runs.
        self.git = git_state()
        self.record: Record | None = None
        #: The digest of the weights that training started from, where they were another network's.
        self.init_from: str | None = None
        #: What a batch normalisation saw in training, in images; another number for each part that had another.
        self.batch_norm_images: list[float] = []
        # This process's own, always: they are summed into what is written and never back into this.
        self._images = 0
        self._train_seconds = self._trained_before = self._test_seconds = self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock; by now batch normalisation is synchronised where it will be."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        seen = images_seen(pl_module, getattr(data, "batch_size", 0), trainer.world_size)
        if seen and self.batch_norm_images[-1:] != [seen]:
            self.batch_norm_images.append(seen)
        self._started = time.perf_counter()
        self._trained_before = self._train_seconds

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts this process's images."""
        self._images += len(batch[1])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops the clock; validation in between counts as training time."""
        self._train_seconds = self._trained_before + time.perf_counter() - self._started

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Adds what training has taken so far, for the Record of a run in several parts."""
        running = time.perf_counter() - self._started if trainer.training or trainer.validating else 0.0
        seconds = self._trained_before + running if running else self._train_seconds
        images = self._images_of_all(trainer)
        ledger = {"seconds": seconds, "images": images, "init_from": self.init_from}
        checkpoint[LEDGER_KEY] = ledger | {"batch_norm_images": self.batch_norm_images}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Goes on counting from the earlier parts of a resumed run; what the weights saw is told of a test, too.

        Raises ValueError where the ledger holds what no Record may.
        """
        ledger = checkpoint.get(LEDGER_KEY, {})
        _check_ledger(ledger)
        # Older checkpoints do not say it.
        self.batch_norm_images = [*ledger.get("batch_norm_images", [])]
        if trainer.state.fn == TrainerFn.FITTING and ledger:
            self._train_seconds, self.init_from = float(ledger["seconds"]), ledger["init_from"]
            self._images = int(ledger["images"]) if trainer.is_global_zero else 0

    def _images_of_all(self, trainer: Trainer) -> int:
        images = torch.tensor(self._images, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(images, reduce_op="sum"))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        self._measures = TrainerMeasures(trainer.test_dataloaders, data, pl_module.network)
        self._started = time.perf_counter()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Adds the batch to the counts."""
        self._measures.update(outputs)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the Record, on the first process.

        Raises InputError, on every process, where images were left out or scored twice, and Diverged where the loss is
        not finite: the errors would be those of outputs that are no numbers.
        """
        loss: float = pl_module.test_result["loss"]  # type: ignore[index,assignment]
        if not math.isfinite(loss):
            fault = f"The loss on the test set is {loss}: the network's outputs are not finite, so there is no Record."
            raise Diverged(fault if trainer.is_global_zero else "")
        self._test_seconds = time.perf_counter() - self._started
        measured = self._measures.result(trainer.num_test_batches[0])
        # Another's data module may leave nothing out.
        self._left_out: dict[str, Any] = getattr(trainer.datamodule, "left_out", dict)()  # type: ignore[attr-defined]
        images = self._images_of_all(trainer)
        if trainer.is_global_zero:
            self.record = self._record(trainer, pl_module, measured, images)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.record.write(self.path)

    def _record(self, trainer: Trainer, model: Any, measured: dict[str, Any], train_images: int) -> Record:
        counts, data = model.test_result, trainer.datamodule  # type: ignore[attr-defined]
        check_count(counts["n"], len(data.splits["test"]), data.batch_size, trainer.num_test_batches[0])
        start = {"init_from_sha256": self.init_from} if self.init_from else {}
        return build_record(
            [model.network],
            data,
            model.protocol,
            counts | measured,
            device=model.device,
            processes=trainer.world_size,
            left_out=self._left_out,
            seed=self.config.get("seed_everything"),
            timing=self._timing(trainer, counts["n"], train_images),
            weights={"sha256": weights_digest(model.network)} | start,
            config=self.config,
            git=self.git,
            compute=model.compute(train_images),
            options=declared(self.config),
            batch_norm_images=self.batch_norm_images or None,
        )

    def _timing(self, trainer: Trainer, n: int, train_images: int) -> dict[str, float | int | None]:
        trained = self._train_seconds
        return {
            "train_seconds": round(trained, 3),
            "train_images": train_images,
            "train_images_per_second": round(train_images / trained, 1) if trained else None,
            "train_steps": trainer.global_step,
            "train_epochs": trainer.current_epoch,
            "test_seconds": round(self._test_seconds, 3),
            "test_images_per_second": round(n / self._test_seconds, 1),
        }


def _check_ledger(ledger: Any) -> None:
    """Raises ValueError at once: a Record is refused when the training is over."""
    if not isinstance(ledger, dict):
        raise ValueError(f"{LEDGER_KEY} is {str(ledger)[:20]!r}")
    counts = [ledger.get("seconds", 0), ledger.get("images", 0)]
    seen, start = ledger.get("batch_norm_images", []), ledger.get("init_from")
    if not isinstance(seen, list) or not all(_is_count(value) for value in [*counts, *seen]):
        raise ValueError(f"a count in {LEDGER_KEY} is no number from 0 on")
    if not isinstance(start, str | None):
        raise ValueError(f"init_from in {LEDGER_KEY} is {str(start)[:20]!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def check_count(n: int, num_images: int, batch_size: int, steps: int | float) -> None:
    """Raises RuntimeError unless the split's images, or those of its first ``steps`` steps, were scored once each."""
    expected = min(num_images, batch_size * int(steps))
    if n != expected:
        raise RuntimeError(f"{n} images were scored instead of {expected}: the error would be of another set of images")
