"""``zoo fit|validate|test|predict``: LightningCLI with one folder a run, and what the verbs do with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only

import zoo.data
import zoo.models
from zoo import runs
from zoo.data.base import ImageDataModule
from zoo.errors import InputError, Stopped
from zoo.evaluation.loader_report import LoaderReport
from zoo.evaluation.prediction_files import check_writable
from zoo.evaluation.predictions import Predicting, Predictions
from zoo.evaluation.recorder import Recorder, weights_digest
from zoo.models.classifier import Classifier
from zoo.models.network import Network
from zoo.results.record import Record
from zoo.training.arguments import complete
from zoo.training.checkpoints import LastCheckpoint, WholeFile, newest_whole
from zoo.training.console import announce, progress_bar, quiet, say
from zoo.training.lent import OF_THE_CALL, needed_trust
from zoo.training.loggers import MetricsFile, Wandb, close, wandb_logger
from zoo.training.parser import Parser
from zoo.weights.pretrained import load
from zoo.weights.sources.checkpoint import check_fits

VERBS = {
    "fit": "Train a network, then measure it on the test set.",
    "validate": "Measure a checkpoint on the held-out slice of train.",
    "test": "Measure a checkpoint on the test set and write its Record.",
    "predict": "Write a checkpoint's predictions on the test set to predictions.csv, or to --predictions FILE.",
}


@dataclass(frozen=True)
class Outcome:
    """What a call left behind: the run's folder, the Record of a test, the metrics of a validation."""

    run_dir: Path
    record: Record | None
    metrics: dict[str, float]


class ZooCLI(LightningCLI):
    """LightningCLI with one folder a run and one seed for everything."""

    def __init__(self, verb: str, args: list[str]) -> None:
        self.verb = verb
        super().__init__(
            Classifier,
            ImageDataModule,
            save_config_callback=None,
            seed_everything_default=0,
            parser_kwargs={"prog": f"zoo {verb}", "description": VERBS[verb], "allow_abbrev": False},
            parser_class=Parser,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            run=False,
            args=args,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options of a run that are neither data nor model nor trainer."""
        parser.add_argument("--run_dir", type=str | None, default=None, help="the run's folder instead of runs/...")
        parser.add_argument("--ckpt_path", type=str | None, default=None, help="a .ckpt file or a run folder")
        parser.add_argument("--resume", type=str | None, default=None, help="fit: the run folder to go on in")
        parser.add_argument("--trust", type=str | None, default=None, help="MODULE whose classes RUN's config may name")
        parser.add_argument("--save_every_n_steps", type=int | None, default=None, help="save within an epoch, too")
        parser.add_argument("--save_every_n_minutes", type=float | None, default=10.0, help="the same, by the clock")
        parser.add_argument("--keep", type=int | None, default=None, help="checkpoints to keep, the best besides")
        parser.add_argument("--init_from", type=str | None, default=None, help="fit: a run whose layers to start from")
        parser.add_argument("--predictions", type=str | None, default=None, help="FILE.npz, FILE.parquet or FILE.csv")
        parser.add_argument("--test", type=bool, default=True, help="after fit, measure the test set")
        parser.add_argument("--channels_last", type=bool, default=False, help="store maps pixel by pixel: often faster")
        parser.add_argument("--compile", type=bool, default=False, help="compile the network with torch.compile")
        parser.add_argument("--wandb", type=Wandb | None, default=None, help="Weights & Biases: project, entity, group")
        parser.link_arguments("seed_everything", "data.init_args.seed", apply_on="parse")

    def before_instantiate_classes(self) -> None:
        """Finds the checkpoint and the run's folder while nothing has been made yet."""
        self.predictions = self._predictions()
        if self.config.resume:
            self.run_dir = runs.resumed_run_dir(self.config.resume)
            self.checkpoint = newest_whole(self.run_dir / runs.CHECKPOINT)
        else:
            self.checkpoint = runs.find_checkpoint(self.config.ckpt_path) if self.config.ckpt_path else None
            self.run_dir = runs.new_run_dir(_config_name(self.config.config), self.config.run_dir)
        saved = self.config.clone()
        for name in OF_THE_CALL:
            saved.pop(name, None)
        self.config_text = self.parser.dump(saved, skip_link_targets=False)

    def _predictions(self) -> Predictions | None:
        """What collects predictions, where --predictions names a file. Raises InputError where it cannot be one."""
        given = self.config.predictions
        if given and self.verb not in ("test", "predict"):
            raise InputError(f"zoo {self.verb} writes no predictions: leave out --predictions, then use zoo predict.")
        return Predictions(check_writable(Path(given))) if given else None

    def instantiate_classes(self) -> None:
        """Builds data, model and trainer; what they say of a bad value becomes InputError."""
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, MisconfigurationException) as error:
            origin = _origin(error)
            if isinstance(origin, (ValueError, MisconfigurationException)) or "devices" in str(origin):
                raise InputError(" ".join(str(origin).split())) from error
            raise origin from error
        network = self.model.network
        if self.config.channels_last:
            # Inputs need not be: the first convolution brings them into the form of its weights.
            network.to(memory_format=torch.channels_last)
        if self.config.compile:
            # In place, so that the names of the weights stay.
            network.compile()

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Adds what every run has: metrics.csv, last.ckpt, the Recorder, a progress bar."""
        options, config = self.config_init.trainer, yaml.safe_load(self.config_text)
        loggers = options.logger if isinstance(options.logger, list) else [options.logger]
        loggers = [MetricsFile(self.run_dir), *(logger for logger in loggers if logger not in (None, True, False))]
        if self.config_init.wandb:
            loggers.append(wandb_logger(self.config_init.wandb, self.run_dir, config))
        self.recorder = Recorder(self.run_dir / runs.RECORD, config)
        callbacks: list[Callback] = [self.recorder, LoaderReport()]
        if self.predictions or self.verb == "predict":
            callbacks.append(Predicting(self.predictions or Predictions(self.run_dir / runs.PREDICTIONS)))
        if options.enable_progress_bar is not False:
            callbacks.append(progress_bar())
        if self.verb == "fit" and options.enable_checkpointing is not False:
            every = (self.config_init.save_every_n_steps, self.config_init.save_every_n_minutes)
            trust = "".join(f" --trust {module}" for module in needed_trust(config, self.run_dir))
            how = f"go on with: zoo fit --resume {self.run_dir}{trust}"
            callbacks.append(LastCheckpoint(self.run_dir / runs.CHECKPOINT, *every, how, self.config_init.keep))
        self.trainer_defaults = {"callbacks": callbacks}
        trainer = super().instantiate_trainer(logger=loggers, enable_model_summary=False, **kwargs)
        trainer.strategy.checkpoint_io = WholeFile()
        return trainer


def main(verb: str, args: list[str]) -> Outcome | None:
    """Runs ``zoo verb args``; None on the processes that only help. Raises InputError for bad input.

    A run that bad input stops before its first checkpoint leaves no folder behind. Raises Stopped where a signal did.
    """
    quiet()
    load_classes()
    cli = ZooCLI(verb, complete(verb, args))
    existed = cli.run_dir.exists()
    try:
        if cli.checkpoint:
            check_fits(cli.checkpoint, cli.model.network)
        elif cli.verb == "fit" and cli.config.init_from:
            cli.recorder.init_from = _start_from(cli.config.init_from, cli.model.network)
        metrics = _run(cli)
        close(cli.trainer.loggers)
    except Stopped:
        close(cli.trainer.loggers)
        raise
    except InputError:
        if not existed and _is_first_process() and not (cli.run_dir / runs.CHECKPOINT).exists():
            runs.remove(cli.run_dir)
        raise
    if not cli.trainer.is_global_zero:
        return None
    return Outcome(cli.run_dir, cli.recorder.record, metrics)


def understood(args: list[str]) -> tuple[dict[str, Any], ImageDataModule]:
    """The config that ``zoo fit args`` would save, with all defaults, and its data module; nothing is trained.

    Raises InputError for words that are not understood.
    """
    quiet()
    load_classes()
    cli = ZooCLI("fit", args)
    return yaml.safe_load(cli.config_text), cli.datamodule


def _run(cli: ZooCLI) -> dict[str, float]:
    if _is_first_process():
        # Missing data show here, before a folder is made.
        cli.datamodule.prepare_data()
        cli.run_dir.mkdir(parents=True, exist_ok=True)
        if cli.checkpoint and cli.verb == "fit":
            _show_differences(cli)
        runs.keep_config(cli.run_dir, cli.config_text)
    trainer = cli.trainer
    given: dict[str, Any] = {"model": cli.model, "datamodule": cli.datamodule}
    if cli.verb == "fit":
        announce(cli.model.network, cli.datamodule, cli.run_dir)
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


def _start_from(path: str, network: Network) -> str:
    """Copies what fits of a trained network, says so, and returns the digest of its weights.

    For a fresh run only: a resumed one has its weights from the checkpoint.
    """
    trained = load(path)
    copied = network.start_from(trained)
    own = [name for name, layer in network.named_children() if layer.state_dict()]
    if not copied:
        raise InputError(
            f"{path} holds {trained.name}, of which no layer fits {network.name}: give another --init_from."
        )
    rest = ", ".join(name for name in own if name not in copied) or "none"
    say(f"from {trained.name} in {path}: {', '.join(copied)}; initialised: {rest}")
    return weights_digest(trained)


def _is_first_process() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0


def _config_name(configs: Any) -> str:
    """The first config's name; the config of a run stands for what that run was named after."""
    if not configs:
        return "run"
    first = Path(str(configs[0])).absolute()
    return first.parent.parent.name if first.name == runs.CONFIG else first.stem


def _origin(error: BaseException) -> BaseException:
    """What went wrong first, or our own sentence about it: jsonargparse wraps the errors of constructors."""
    while not isinstance(error, InputError) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__ or error
    return error


def _show_differences(cli: ZooCLI) -> None:
    """Says where what was typed differs from what the checkpoint's run began with."""
    before = runs.config_of(cli.checkpoint) if cli.checkpoint else None
    for line in runs.differences(before, cli.config_text) if before else []:
        say(f"other than in {cli.checkpoint}: {line}")


def load_classes() -> None:
    """Imports every data module and model: bare names (--data CIFAR10) are looked up among the classes loaded."""
    for package in (zoo.data, zoo.models):
        for name in package.__all__:
            getattr(package, name)
