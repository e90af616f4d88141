"""The LightningModule that all networks share: loss, exact counts, optimiser groups, schedule."""

import copy
import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.lr_scheduler import ReduceLROnPlateau as Plateau

from zoo import keyed
from zoo.data.base import ImageDataModule
from zoo.errors import InputError
from zoo.evaluation.metrics import ErrorCounts
from zoo.evaluation.precision import full_float32
from zoo.evaluation.protocols import SINGLE_VIEW, averaged, protocol
from zoo.models import layer_rates, ledger
from zoo.models.mixing import cut_and_mixed, likeliest
from zoo.models.network import CLASSES_KEY, NETWORK_KEY, Network
from zoo.models.resuming import ExactResume
from zoo.optim import AnySchedule, Schedule
from zoo.optim.building import built
from zoo.optim.torch_schedules import by_steps, made, monitor_of

Batch = tuple[Tensor, Tensor]
MONITORED_KEY = "zoo_monitored"
# So many steps' keys are made at a time: hashing is quick where nothing else has been done since the last time.
_KEYS = 64


class Classifier(LightningModule):
    """Trains and measures one ``Network`` on batches of (images, labels).

    Metrics are named ``<stage>/loss``, ``<stage>/top1_error`` and ``<stage>/top5_error`` (percent). A subclass gives
    the paper's loss by overriding ``losses``, its learning rule by ``training_step`` or the optimiser it is built with.

    Args:
        optimizer: the learning rule and its options
        schedule: how the learning rate changes: one of zoo.optim or torch.optim.lr_scheduler; constant unless given
        label_smoothing: share of each training target that is spread evenly over all classes
        cutmix: probability that the images of a training step are mixed two by two
    """

    #: Factor on the learning rate of biases, and whether weight decay holds for them.
    bias_rate = 1.0
    bias_decay = False
    #: How a test image is looked at; the Record names it.
    protocol = SINGLE_VIEW
    #: Share of each training target that is spread evenly over all classes; 0 in every paper of this zoo.
    label_smoothing = 0.0
    #: Probability that the images of a training step are mixed two by two; 0 in every paper of this zoo.
    cutmix = 0.0
    #: How the multiply-accumulates of training are counted.
    work = ledger.BACK_PROPAGATION
    #: Whether a checkpoint from the middle of an epoch holds all that the rest of it needs.
    resumes_in_epoch = True

    def __init__(self, network: Network, optimizer: OptimizerCallable, schedule: AnySchedule | None = None) -> None:
        super().__init__()
        self.network, self.optimizer_of, self.schedule = network, optimizer, schedule
        self.train_counts = ErrorCounts()
        self.val_counts, self.test_counts = ErrorCounts(), ErrorCounts()
        self.test_result: dict[str, float] = {}
        # What torch's schedules were when they had just been made, and what they watch was when a checkpoint was saved.
        self.schedule_starts: list[dict[str, Any]] = []
        self._monitored: dict[str, float] = {}
        self._looks_again = self._counted = False
        # Names of layers, not the layers: Lightning replaces them where it synchronises batch normalisation.
        self.frozen: tuple[str, ...] = ()
        self.rates_of: dict[str, float] = {}
        # seed_everything has just set it; dropout is keyed by it, so that a resumed run draws the same masks.
        self.run_seed = torch.initial_seed()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes here, fifty times a step, which hook is at work; torch would look each time whether a name
        # and a text are a parameter, a buffer or a layer.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def configure_callbacks(self) -> list[Callback]:
        """What any Trainer needs to go on exactly."""
        return [ExactResume()]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes)."""
        return self.network(images)

    @classmethod
    def protocol_of(cls, variant: str) -> str:
        """``protocol`` of a variant of the network."""
        return cls.protocol

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """One loss an image, shape (N,): cross-entropy unless the paper has another."""
        return F.cross_entropy(logits, labels, reduction="none")

    def training_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What training minimises, shape (N,): ``losses``, or cross-entropy against smoothed labels.

        Of mixed images ``labels`` are the shares of the classes, (N, num_classes).

        Smoothed, the target is (1 - s) for the label plus s / classes for every class (Szegedy et al. 2016, section 7).
        """
        if self.label_smoothing:
            return F.cross_entropy(logits, labels, reduction="none", label_smoothing=self.label_smoothing)
        return self.losses(logits, labels)

    def test_logits(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes) under ``protocol``; of several views the log of the mean of their probabilities."""
        size = self.network.input_shape[1], self.network.input_shape[2]
        # What is smaller than the network's input has no views: forward says what is wrong with it.
        if self.protocol == SINGLE_VIEW or min(images.shape[2:]) < min(size):
            return self(images)
        return averaged(self, protocol(self.protocol).views(images, size))

    def setup(self, stage: str) -> None:
        """Raises InputError where the data have more classes than the network has outputs, or other images."""
        data = getattr(self.trainer, "datamodule", None)
        classes = getattr(data, "num_classes", 0)
        if classes > self.network.num_classes:
            raise InputError(
                f"The data have {classes} classes but the network {self.network.num_classes} outputs:"
                f" {self.more_outputs(classes)}."
            )
        if stage == "fit" and isinstance(data, ImageDataModule):
            self._check_images(data)

    def more_outputs(self, classes: int) -> str:
        """How to get as many, for a message."""
        return f"add --model.num_classes {classes}"

    def _check_images(self, data: ImageDataModule) -> None:
        """Raises InputError where training images do not fit, and says which of the data's transforms would."""
        shape = data.shape_after(getattr(data, "transform", None))
        if shape is None or self.network.takes(shape):
            return
        try:
            self.network.check_input(torch.empty(1, *shape, device="meta"))
        except InputError as error:
            fitting = data.transforms_for(self.network.takes)
            hint = f"; of those of {type(data).__name__} {', '.join(fitting)} would fit" if fitting else ""
            raise InputError(f"{str(error).rstrip('.')}{hint}.") from error

    def compute(self, images: int) -> dict[str, Any]:
        """What one view of an image and training on ``images`` images cost, for the Record."""
        work = ledger.Work(None, "not counted: some layers were frozen") if self.frozen else self.work
        return ledger.compute(self.network, work, images)

    def fine_tune(self, freeze: str | Sequence[str] | None, lr_scale: Mapping[str, float] | None) -> None:
        """Freezes layers and scales the learning rates of others, by their names or patterns such as ``conv*``.

        A frozen layer keeps its weights and, in eval mode throughout, its running means to the bit. Where several
        patterns of ``lr_scale`` name a layer, the last one counts; of a layer of one's own network, or of a block's,
        the name stands for all within it. Raises ValueError for names that no layer has and factors that make no sense.
        """
        self.frozen, rates = layer_rates.chosen(self.network.named_units(), freeze, lr_scale)
        self.rates_of |= rates
        for name in self.frozen:
            self.network.named_units()[name].requires_grad_(False)
        if self.frozen and not any(parameter.requires_grad for parameter in self.network.parameters()):
            raise ValueError("freeze leaves no layer that could learn: leave out some of its names.")
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training mode for all but the frozen layers, which then keep their running means."""
        super().train(mode)
        units = self.network.named_units() if self.frozen else {}
        for name in self.frozen:
            units[name].eval()
        return self

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Makes dropout a function of (seed, step, process). Raises InputError for images that do not fit."""
        # A learning rule of one's own may go through the layers one by one.
        self.network.check_input(batch[0])
        if self._looks_again:
            self._counted = False
        block, place = divmod(self.global_step, _KEYS)
        seed_generators(dropout_keys(self.run_seed, self.global_rank, block)[place], self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The mean loss over the step's images on all processes together."""
        images, targets = batch
        if self.cutmix:
            images, targets = cut_and_mixed(images, targets, self.network.num_classes, self.cutmix)
        logits = self(images)
        losses = self.training_losses(logits, targets)
        # LBFGS looks at the images of a step several times; the first is what other optimizers see.
        if not (self._looks_again and self._counted):
            self.train_counts.later(logits, likeliest(targets), losses)
        if self._looks_again:
            self._counted = True
        self._log_step(losses)
        return self._step_loss(losses)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Counts mistakes on the held-out slice."""
        images, labels = batch
        self._count(self.val_counts, self(images), labels)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Counts mistakes on the test set, in float32 whatever precision training had.

        The result is for callbacks that measure more.
        """
        scored = self.predict_step(batch, batch_idx)
        self._count(self.test_counts, scored["logits"], scored["labels"])
        return scored

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Logits under ``protocol``, in float32, and labels."""
        images, labels = batch
        with full_float32(self.device):
            return {"logits": self.test_logits(images), "labels": labels}

    def on_train_epoch_end(self) -> None:
        """Logs the errors on the training images as they were met, and the learning rate reached."""
        self.log("lr", self._rate())
        self._log_epoch("train", self.train_counts)
        for watching in self._plateaus():
            watching.step(self._watched(watching))

    def on_validation_epoch_end(self) -> None:
        """Logs the errors on the held-out slice."""
        self._log_epoch("val", self.val_counts)

    def on_test_epoch_end(self) -> None:
        """Logs the errors on the test set."""
        self.test_result = self._log_epoch("test", self.test_counts)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what ``zoo.load`` needs to build the network again and to name its outputs, as plain values."""
        network = self.network
        checkpoint[NETWORK_KEY] = {"name": network.name, "variant": network.variant, "options": network.options}
        # A plain DataLoader knows of none.
        if names := getattr(getattr(self._trainer, "datamodule", None), "class_names", None):
            checkpoint[CLASSES_KEY] = [str(name) for name in names]
        if watching := self._plateaus():
            # After the validation of an epoch, a resumed run does not make it again.
            logged = self._monitored | {key: float(value) for key, value in self.trainer.callback_metrics.items()}
            checkpoint[MONITORED_KEY] = {key: logged[key] for key in map(monitor_of, watching) if key in logged}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes up what the schedules watch."""
        self._monitored = checkpoint.get(MONITORED_KEY, {})

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser over weights and biases apart, and the schedule.

        Those of the zoo, OneCycleLR and CyclicLR are stepped after every batch, torch's others after every epoch.
        Raises InputError where the optimiser or the schedule refuses one of its values.
        """
        groups = self.parameter_groups()
        if self.frozen or self.rates_of:
            groups = layer_rates.divided(groups, self.network.named_units(), self.rates_of)
        optimizer, rates = built(self.optimizer_of, groups)
        self._looks_again = isinstance(optimizer, torch.optim.LBFGS)
        if self.schedule is None:
            return optimizer
        if not isinstance(self.schedule, Schedule):
            return self._with_torchs_schedule(optimizer, rates)
        per_epoch, epochs = self._length()
        schedule = self.schedule
        scheduler = LambdaLR(optimizer, lambda step: schedule.factor(step / per_epoch, epochs))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _with_torchs_schedule(self, optimizer: torch.optim.Optimizer, rates: list[float]) -> OptimizerLRScheduler:
        assert not isinstance(self.schedule, Schedule | None)
        scheduler = made(self.schedule, optimizer, rates, lambda: round(math.prod(self._length())))
        self.schedule_starts = [copy.deepcopy(scheduler.state_dict())]
        described: Any = {"scheduler": scheduler, "interval": "step" if by_steps(scheduler) else "epoch"}
        if isinstance(scheduler, Plateau):
            # Lightning keeps its state, but after a resumption would not step it: ``on_train_epoch_end`` does.
            described |= {"monitor": monitor_of(scheduler), "frequency": sys.maxsize}
        return {"optimizer": optimizer, "lr_scheduler": described}

    def _plateaus(self) -> list[Plateau]:
        if not self.schedule_starts:
            return []
        schedulers = [config.scheduler for config in self.trainer.lr_scheduler_configs]
        return [scheduler for scheduler in schedulers if isinstance(scheduler, Plateau)]

    def _watched(self, scheduler: Plateau) -> float:
        """The metric that it watches. Raises InputError where the run does not log it."""
        monitor, logged = monitor_of(scheduler), self.trainer.callback_metrics
        if monitor not in logged and monitor not in self._monitored:
            known = ", ".join(sorted(name for name in logged if name.startswith(("train/", "val/"))))
            raise InputError(
                f"The schedule watches {monitor}, which this run does not log: it logs {known}; for those of val/, set"
                " data.num_held_out."
            )
        return float(logged[monitor]) if monitor in logged else self._monitored[monitor]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Weights, and everything with fewer than two dimensions: biases, scales, coefficients."""
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        weights = [p for p in parameters if p.ndim >= 2]
        biases: dict[str, Any] = {"params": [p for p in parameters if p.ndim < 2], "rate": self.bias_rate}
        if not self.bias_decay:
            biases["weight_decay"] = 0.0
        return [group for group in ({"params": weights}, biases) if group["params"]]

    def smooth_labels(self, share: float) -> None:
        """Sets ``label_smoothing``. Raises ValueError unless it is from 0 to less than 1."""
        if not 0 <= share < 1:
            raise ValueError(f"label_smoothing must be at least 0 and less than 1, not {share}.")
        self.label_smoothing = share

    def mix_images(self, probability: float) -> None:
        """Sets ``cutmix``. Raises ValueError unless it is from 0 to 1."""
        if not 0 <= probability <= 1:
            raise ValueError(f"cutmix must be a probability from 0 to 1, not {probability}.")
        self.cutmix = probability

    def _length(self) -> tuple[float, float]:
        """Steps an epoch, and epochs of the whole run; max_steps may end it in the middle of one."""
        if self.trainer.train_dataloader is None:
            # Lightning does so itself, but where max_epochs is -1.
            self.trainer.fit_loop.setup_data()
        steps = self.trainer.estimated_stepping_batches
        per_epoch = self.trainer.num_training_batches / self.trainer.accumulate_grad_batches
        if not isinstance(steps, int):
            raise InputError("A learning-rate schedule needs an end: set trainer.max_epochs or trainer.max_steps.")
        return per_epoch, steps / per_epoch

    def _step_loss(self, losses: Tensor) -> Tensor:
        world_size = self.trainer.world_size
        if world_size == 1:
            return losses.mean()
        # Shares may differ by one image; DDP averages over processes, so each divides by the step's own total.
        total = self.trainer.strategy.reduce(torch.full((), float(len(losses)), device=self.device), reduce_op="sum")
        # No image at all, where every one was broken and left out: a loss of 0 and not NaN.
        return losses.sum() / torch.as_tensor(total).clamp(min=1) * world_size

    def _count(self, counts: ErrorCounts, logits: Tensor, labels: Tensor) -> None:
        counts.update(logits, labels, self.losses(logits, labels))

    def _log_step(self, losses: Tensor) -> None:
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        # The loggers take what was logged at the last of every ``log_every_n_steps`` steps, by this count: where the
        # rule is a model's own, its step is over by now, and counted in ``global_step``.
        done: int = self.trainer.fit_loop.epoch_loop._batches_that_stepped
        if (done + 1) % every == 0 and len(losses):
            self.log_dict({"train/step_loss": losses.detach().mean(), "lr": self._rate()}, rank_zero_only=True)

    def _rate(self) -> Tensor:
        return torch.tensor(self.trainer.optimizers[0].param_groups[0]["lr"], dtype=torch.float64)

    def _log_epoch(self, stage: str, counts: ErrorCounts) -> dict[str, float]:
        values: dict[str, float] = counts.compute()
        counts.reset()
        for name in ("loss", "top1_error", "top5_error"):
            # float64, so that the loggers hold the very numbers of the Record; equal on all processes already.
            exact = torch.tensor(values[name], dtype=torch.float64)
            self.log(f"{stage}/{name}", exact, prog_bar=name != "top5_error", sync_dist=False)
        return values


# Lightning reads in every step which arguments it takes: to be found, and not to be worked out again.
vars(Classifier.training_step)["__signature__"] = inspect.signature(Classifier.training_step)


@lru_cache(maxsize=8)
def dropout_keys(seed: int, rank: int, block: int) -> list[int]:
    """What dropout is drawn by in ``_KEYS`` consecutive steps of a process."""
    return [keyed.key(seed, "dropout", step, rank) for step in range(block * _KEYS, (block + 1) * _KEYS)]


def seed_generators(seed: int, device: torch.device) -> None:
    """Seeds the CPU's random numbers and those of ``device``.

    ``torch.manual_seed`` also takes notes for every kind of accelerator that is not there, half a millisecond a call.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        getattr(torch, device.type).manual_seed(seed)
