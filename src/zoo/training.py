"""``zoo fit|validate|test|predict``: the only file that knows LightningCLI."""

import logging
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar, TQDMProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.rank_zero import rank_zero_only

import zoo.data
import zoo.models
from zoo import runs
from zoo.configs import find_config
from zoo.data.base import ImageDataModule
from zoo.errors import InputError
from zoo.evaluation.predictions import write_predictions
from zoo.evaluation.recorder import Recorder
from zoo.loggers import MetricsFile, Wandb, wandb_logger
from zoo.models.classifier import Classifier
from zoo.parsing import Parser
from zoo.results.record import Record

VERBS = {
    "fit": "Train a network, then measure it on the test set.",
    "validate": "Measure a checkpoint on the held-out slice of train.",
    "test": "Measure a checkpoint on the test set and write its Record.",
    "predict": "Write a checkpoint's predictions on the test set to predictions.csv.",
}
# What belongs to one call and not to the experiment: left out of the saved config.
OF_THE_CALL = ("config", "run_dir", "ckpt_path")


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
            parser_kwargs={"prog": f"zoo {verb}", "description": VERBS[verb]},
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
        parser.add_argument("--test", type=bool, default=True, help="after fit, measure the test set")
        parser.add_argument("--wandb", type=Wandb | None, default=None, help="Weights & Biases: project, entity, group")
        parser.link_arguments("seed_everything", "data.init_args.seed", apply_on="parse")

    def before_instantiate_classes(self) -> None:
        """Finds the checkpoint and the run's folder while nothing has been made yet."""
        given = self.config.ckpt_path
        self.checkpoint = runs.find_checkpoint(given) if given else None
        self.run_dir = runs.new_run_dir(_config_name(self.config.config), self.config.run_dir)
        saved = self.config.clone()
        for name in OF_THE_CALL:
            saved.pop(name, None)
        self.config_text = self.parser.dump(saved, skip_link_targets=False)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Adds what every run has: metrics.csv, last.ckpt, the Recorder, a progress bar."""
        options, config = self.config_init.trainer, yaml.safe_load(self.config_text)
        loggers = options.logger if isinstance(options.logger, list) else [options.logger]
        loggers = [MetricsFile(self.run_dir), *(logger for logger in loggers if logger not in (None, True, False))]
        if self.config_init.wandb:
            loggers.append(wandb_logger(self.config_init.wandb, self.run_dir, config))
        self.recorder = Recorder(self.run_dir / runs.RECORD, config)
        callbacks: list[Callback] = [self.recorder]
        if options.enable_progress_bar is not False:
            callbacks.append(_progress_bar())
        if options.enable_checkpointing is not False:
            callbacks.append(_last_checkpoint(self.run_dir))
        self.trainer_defaults = {"callbacks": callbacks}
        return super().instantiate_trainer(logger=loggers, enable_model_summary=False, **kwargs)


def main(verb: str, args: list[str]) -> Outcome | None:
    """Runs ``zoo verb args``; None on the processes that only help. Raises InputError for bad input.

    A run that bad input stops before its first checkpoint leaves no folder behind.
    """
    _quiet()
    _load_classes()
    cli = ZooCLI(verb, _arguments(verb, args))
    existed = cli.run_dir.exists()
    try:
        metrics = _run(cli)
    except InputError:
        if not existed and rank_zero_only.rank == 0 and not (cli.run_dir / runs.CHECKPOINT).exists():
            shutil.rmtree(cli.run_dir, ignore_errors=True)
        raise
    if not cli.trainer.is_global_zero:
        return None
    return Outcome(cli.run_dir, cli.recorder.record, metrics)


def _run(cli: ZooCLI) -> dict[str, float]:
    if rank_zero_only.rank == 0:
        # Missing data show here, before a folder is made.
        cli.datamodule.prepare_data()
        cli.run_dir.mkdir(parents=True, exist_ok=True)
        (cli.run_dir / runs.CONFIG).write_text(cli.config_text, encoding="utf-8")
    trainer, given = cli.trainer, {"model": cli.model, "datamodule": cli.datamodule}
    if cli.verb == "fit":
        trainer.fit(**given, ckpt_path=cli.checkpoint, weights_only=True)
        if cli.config.test and not trainer.interrupted:
            trainer.test(**given, verbose=False)
        return {}
    verb = getattr(trainer, cli.verb)
    outputs = verb(**given, ckpt_path=cli.checkpoint, weights_only=True, **({} if cli.verb == "predict" else {"verbose": False}))
    if cli.verb == "predict":
        write_predictions(trainer, outputs, cli.datamodule.class_names, cli.run_dir / runs.PREDICTIONS)
        return {}
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _arguments(verb: str, args: list[str]) -> list[str]:
    """``args`` with every config found and checked; a measuring verb takes its run's own config where none is given."""
    if any(word in ("-h", "--help") for word in args):
        return args
    words, position = list(args), 0
    given = []
    while position < len(words):
        word = words[position]
        if word in ("--config", "-c") and position + 1 < len(words):
            position += 1
            words[position] = str(_readable(words[position]))
            given.append(words[position])
        elif word.startswith("--config="):
            words[position] = f"--config={_readable(word.removeprefix('--config='))}"
            given.append(word)
        position += 1
    checkpoint = _value_of(words, "--ckpt_path")
    if verb != "fit" and checkpoint is None:
        raise InputError(f"zoo {verb} needs trained weights: add --ckpt_path with a run folder or a .ckpt file.")
    if checkpoint is not None and not given:
        own = runs.config_of(runs.find_checkpoint(checkpoint))
        if own is not None:
            return ["--config", str(own), *words]
    return words


def _value_of(words: list[str], option: str) -> str | None:
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}=")
    return None


def _readable(name: str) -> Path:
    """The config that ``name`` means; raises InputError with file, line and column where it is not YAML."""
    path = find_config(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{path}{where} is not valid YAML: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no keys: a config has data, model and trainer.")
    return path


def _config_name(configs: Any) -> str:
    """The first config's name; the config of a run stands for what that run was named after."""
    if not configs:
        return "run"
    first = Path(str(configs[0])).absolute()
    return first.parent.parent.name if first.name == runs.CONFIG else first.stem


def _last_checkpoint(run_dir: Path) -> ModelCheckpoint:
    path = run_dir / runs.CHECKPOINT
    return ModelCheckpoint(
        dirpath=path.parent, filename=path.stem, enable_version_counter=False, save_on_train_epoch_end=True
    )


def _progress_bar() -> Callback:
    # Rich redraws in place, which only a terminal can; in a log file a line now and then is better.
    return RichProgressBar() if sys.stdout.isatty() else TQDMProgressBar(refresh_rate=50)


def _load_classes() -> None:
    """Imports every data module and model: bare names (--data CIFAR10) are looked up among the classes loaded."""
    for package in (zoo.data, zoo.models):
        for name in package.__all__:
            getattr(package, name)


def _quiet() -> None:
    """Silences what Lightning says to its developers; warnings about the user's own run stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*number of training batches .* is smaller than the logging interval.*",
        ".*recommended to use `self.log.*sync_dist=True.*",
        ".*defined a `validation_step` but have no `val_dataloader`.*",
    ):
        warnings.filterwarnings("ignore", message)
