"""What ``zoo fit|validate|test|predict`` do, once their command line is understood: train, measure, tell."""

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException, SIGTERMException
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch.optim.lr_scheduler import ReduceLROnPlateau as Plateau

from zoo import runs
from zoo.errors import Diverged, InputError, Stopped
from zoo.evaluation.digest import weights_digest
from zoo.evaluation.precision import multiplies_bfloat16
from zoo.models.network import Network
from zoo.models.saved_training import reason_of, unlike
from zoo.optim.torch_schedules import monitor_of
from zoo.results.record import Record
from zoo.training import processes
from zoo.training.allocator import keep_freed_memory
from zoo.training.arguments import complete
from zoo.training.cli import ZooCLI, load_classes
from zoo.training.console import announce, quiet, say
from zoo.training.loggers import OneRowAStep, close, tell_config
from zoo.training.memory import enough_for
from zoo.weights.pretrained import load
from zoo.weights.sources.checkpoint import check_fits
from zoo.yaml_text import read_own

# What Lightning calls to give a checkpoint's state to model, callbacks, optimizers and schedules.
_RESTORING = ("_restore_modules_and_callbacks", "restore_training_state")


@dataclass(frozen=True)
class Outcome:
    """What a call left behind: the run's folder, the Record of a test, the metrics of a validation."""

    run_dir: Path
    record: Record | None
    metrics: dict[str, float]


def main(verb: str, args: list[str]) -> Outcome | None:
    """Runs ``zoo verb args``; None on the processes that only help. Raises InputError for bad input.

    A run that bad input stops before its first checkpoint leaves no folder behind. Raises Stopped where a signal did,
    Diverged where a loss is no longer finite.
    """
    quiet()
    load_classes()
    cli = ZooCLI(verb, complete(verb, args))
    keep_freed_memory(cli.trainer.strategy.root_device)
    if not _is_first_process():
        _carried_out(cli)
        return None
    if verb == "fit":
        # Before there are several processes, so that one says it.
        cli.datamodule.check_processes(cli.trainer.world_size)
    # Missing data show here, before a folder is made.
    cli.datamodule.prepare_data()
    with runs.alone_in(cli.run_dir) as is_new:
        try:
            cli.look_again()
            metrics = _carried_out(cli)
        except (InputError, OSError):
            if is_new and not (cli.run_dir / runs.CHECKPOINT).exists():
                runs.remove(cli.run_dir)
            raise
    return Outcome(cli.run_dir, cli.recorder.record, metrics)


def _carried_out(cli: ZooCLI) -> dict[str, float]:
    """Does what the verb says; returns the metrics of a validation."""
    if cli.checkpoint:
        check_fits(cli.checkpoint, cli.model.network)
    elif cli.verb == "fit" and cli.config.init_from:
        cli.recorder.init_from = _start_from(cli.config.init_from, cli.model.network)
    try:
        with (
            processes.named(cli.trainer, cli.how_to_go_on),
            _sentences_of_lightning(cli.checkpoint),
            enough_for(cli.datamodule.batch_size, "--data.batch_size"),
        ):
            metrics = _run(cli)
            _keep_in_wandb(cli)
    except (Stopped, Diverged):
        close(cli.trainer.loggers)
        raise
    close(cli.trainer.loggers)
    return metrics


def _keep_in_wandb(cli: ZooCLI) -> None:
    """Leaves the weights of a training in its W&B run, where it has one; says why not where it was not measured."""
    for logger in cli.trainer.loggers:
        if isinstance(logger, OneRowAStep) and cli.verb == "fit" and _is_first_process():
            from zoo.training.wandb_run import keep_weights

            keep_weights(logger, cli.run_dir)


def _run(cli: ZooCLI) -> dict[str, float]:
    if _is_first_process():
        if cli.checkpoint and cli.verb == "fit":
            _show_differences(cli)
        cli.metrics.check()
        runs.keep_config(cli.run_dir, cli.config_text)
        tell_config(cli.trainer.loggers, read_own(cli.config_text))
    trainer = cli.trainer
    given: dict[str, Any] = {"model": cli.model, "datamodule": cli.datamodule}
    if cli.verb == "fit":
        trainer.callbacks.append(_SomethingToWatch())  # type: ignore[attr-defined]
        if cli.config.test:
            trainer.callbacks.append(_SomethingToTest())  # type: ignore[attr-defined]
        announce(cli.model.network, cli.datamodule, cli.run_dir)
        if cli.config.resume and not cli.checkpoint:
            say(f"nothing to go on from in {cli.run_dir} yet: the run begins there")
        if apart := processes.normalising_apart(trainer, cli.model.network, cli.datamodule.batch_size):
            say(apart)
        on_cpu = trainer.strategy.root_device.type == "cpu"
        if on_cpu and "bf16" in str(trainer.precision) and not multiplies_bfloat16():
            say(
                f"trainer.precision is {trainer.precision}, which this processor imitates, several times slower than"
                " float32: --trainer.precision 32-true is faster, and another experiment"
            )
        if where := processes.meeting(trainer):
            say(f"waits for the other processes; {where}")
        trainer.fit(**given, ckpt_path=cli.checkpoint, weights_only=True)
        if cli.config.test and not trainer.interrupted:
            trainer.test(**given, verbose=False)
        return {}
    given |= {"ckpt_path": cli.checkpoint, "weights_only": True}
    if cli.verb == "predict":
        trainer.predict(**given, return_predictions=False)
        return {}
    getattr(trainer, cli.verb)(**given, verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


class _SomethingToTest(Callback):
    """Ends a training before its first step where the test that follows it would have no batch."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raises InputError."""
        limit = trainer.limit_test_batches
        number = len(trainer.datamodule.test_dataloader())  # type: ignore[attr-defined]
        if isinstance(limit, float) and not int(limit * number):
            raise InputError(
                f"trainer.limit_test_batches is {limit:g}, which of {number} batches is none: set it to at least"
                f" {1 / number:.3g}, or to a whole number of batches."
            )


class _SomethingToWatch(Callback):
    """Ends a training before its first step where something watches a held-out slice that there is not."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raises InputError."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
        plateaus = [each for each in schedules if isinstance(each, Plateau)]
        watching = [(each, getattr(each, "monitor", None)) for each in trainer.callbacks]  # type: ignore[attr-defined]
        for each, monitor in [*watching, *((each, monitor_of(each)) for each in plateaus)]:
            if isinstance(monitor, str) and monitor.startswith("val/") and not data.num_held_out:
                raise InputError(
                    f"{type(each).__name__} watches {monitor}, but data.num_held_out is 0, so that there is no"
                    f" slice of {data.name} to measure it on: add --data.num_held_out N, or let it watch train/loss."
                )


@contextmanager
def _sentences_of_lightning(checkpoint: Path | None) -> Iterator[None]:
    """What Lightning refuses only when it knows how many steps an epoch has becomes InputError.

    So does whatever fails while it takes a state from ``checkpoint``: a callback's may be any.
    """
    try:
        yield
    except (InputError, Stopped, Diverged):
        raise
    except SIGTERMException as stop:
        # Before ``LastCheckpoint`` listened.
        said = "Stopped by SIGTERM before the first step; start it again with the same command"
        raise Stopped(said if _is_first_process() else "", 128 + signal.SIGTERM) from stop
    except MisconfigurationException as error:
        raise InputError(" ".join(str(error).split())) from error
    except Exception as error:
        reason = " ".join(str(error).split())
        if "parameters that were not used in producing the loss" in reason:
            if not _is_first_process():
                # The first one says it.
                raise Stopped("", 2) from error
            raise InputError(
                "Some weights of the network have no part in a step's loss, which several processes must be told: add"
                " --trainer.strategy ddp_find_unused_parameters_true, or freeze these layers."
            ) from error
        of_early_stopping = reason.startswith("Early stopping conditioned on metric")
        if of_early_stopping or ("`val_check_interval`" in reason and isinstance(error, ValueError)):
            raise InputError(reason) from error
        frames = traceback.extract_tb(error.__traceback__)
        if any(Path(frame.filename).stem == "checkpoint_connector" and frame.name in _RESTORING for frame in frames):
            raise unlike(str(checkpoint), reason_of(error)) from error
        raise


def _start_from(path: str, network: Network) -> str:
    """Copies what fits of a trained network, says so, and returns the digest of its weights.

    For a fresh run only: a resumed one has its weights from the checkpoint.
    """
    trained = load(path)
    copied = network.start_from(trained)
    own = [name for name, layer in network.named_units().items() if layer.state_dict()]
    if not copied:
        raise InputError(
            f"{path} holds {trained.name}, of which no layer fits {network.name}: give another --init_from."
        )
    rest = ", ".join(name for name in own if name not in copied) or "none"
    say(f"from {trained.name} in {path}: {', '.join(copied)}; initialised: {rest}")
    return weights_digest(trained)


def _show_differences(cli: ZooCLI) -> None:
    """Says where what was typed differs from what the checkpoint's run began with."""
    before = runs.config_of(cli.checkpoint) if cli.checkpoint else None
    for line in runs.differences(before, cli.config_text) if before else []:
        say(f"unlike {cli.checkpoint}: {line}")


def _is_first_process() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0
