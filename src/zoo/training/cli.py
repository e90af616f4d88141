"""The command line of ``zoo fit|validate|test|predict``: LightningCLI with one folder a run."""

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from jsonargparse.typing import NotEmptyStr
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

import zoo.data
import zoo.models
from zoo import runs
from zoo.catalog import DATA, NETWORKS
from zoo.comparison.account import mode
from zoo.data.base import ImageDataModule
from zoo.errors import InputError
from zoo.evaluation.loader_report import LoaderReport
from zoo.evaluation.prediction_files import check_writable
from zoo.evaluation.predictions import Predicting, Predictions
from zoo.evaluation.recorder import Recorder
from zoo.files import given_path
from zoo.models.classifier import Classifier
from zoo.models.own import OwnModel, OwnNetwork
from zoo.training import bounds, processes, yaml_text
from zoo.training.checkpoint_files import WholeFile, newest_whole
from zoo.training.checkpoints import LastCheckpoint
from zoo.training.console import quiet, say
from zoo.training.divergence import FiniteLoss
from zoo.training.epoch_loop import take_steps_directly
from zoo.training.first_classes import FirstClasses
from zoo.training.lent import OF_THE_CALL, needed_trust
from zoo.training.loggers import (
    MetricsFile,
    MLflow,
    TensorBoard,
    Wandb,
    mlflow_logger,
    tensorboard_logger,
    wandb_logger,
)
from zoo.training.parser import Parser
from zoo.training.progress import progress_bar
from zoo.training.step import WorkingHooks, lighten
from zoo.yaml_text import read_own

VERBS = {
    "fit": "Train a network, then measure it on the test set.",
    "validate": "Measure a checkpoint on the held-out slice of train.",
    "test": "Measure a checkpoint on the test set and write its Record.",
    "predict": "Write a checkpoint's predictions on the test set to predictions.csv, or to --predictions FILE.",
}
# What data, models and the Trainer say of a value that they cannot be made with.
_OF_VALUES = (ValueError, OverflowError, ModuleNotFoundError, MisconfigurationException)
# An option that names a file or folder: an empty name is no way to leave it out.
Text = NotEmptyStr | None


class ZooCLI(LightningCLI):
    """LightningCLI with one folder a run and one seed for everything."""

    def __init__(self, verb: str, args: list[str]) -> None:
        self.verb = verb
        super().__init__(
            Classifier,
            ImageDataModule,
            save_config_callback=None,
            # The same experiment on any number of processes, wherever there is a way.
            trainer_defaults={"sync_batchnorm": True},
            seed_everything_default=0,
            parser_kwargs={
                "prog": f"zoo {verb}",
                "description": VERBS[verb],
                "allow_abbrev": False,
                "parser_mode": yaml_text.MODE,
            },
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
        parser.keep_whole_numbers()  # type: ignore[attr-defined]
        parser.add_argument("--run_dir", type=Text, default=None, help="the run's folder instead of runs/...")
        parser.add_argument("--ckpt_path", type=Text, default=None, help="a .ckpt file or a run folder")
        parser.add_argument("--resume", type=Text, default=None, help="fit: the run folder to go on in")
        parser.add_argument("--trust", type=Text, default=None, help="MODULE whose classes RUN's config may name")
        parser.add_argument("--save_every_n_steps", type=int | None, default=None, help="also save within an epoch")
        parser.add_argument("--save_every_n_minutes", type=float | None, default=10.0, help="the same, by the clock")
        parser.add_argument("--keep", type=int | None, default=None, help="checkpoints to keep, the best besides")
        parser.add_argument("--init_from", type=Text, default=None, help="fit: a run whose layers to start from")
        parser.add_argument("--predictions", type=Text, default=None, help="FILE.npz, FILE.parquet or FILE.csv")
        parser.add_argument("--test", type=bool, default=True, help="after fit, measure the test set")
        parser.add_argument("--channels_last", type=bool, default=False, help="store maps pixel by pixel: often faster")
        parser.add_argument("--compile", type=bool, default=False, help="compile the network with torch.compile")
        parser.add_argument(
            "--wandb", type=Wandb | None, default=None, help="Weights & Biases: project, entity, group, name, tags, ..."
        )
        parser.add_argument(
            "--tensorboard", type=TensorBoard | None, default=None, help="TensorBoard: flush_secs, pictures"
        )
        parser.add_argument("--mlflow", type=MLflow | None, default=None, help="MLflow: experiment")
        parser.link_arguments("seed_everything", "data.init_args.seed", apply_on="parse")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parses, and refuses what has the right type and makes no sense. Raises InputError."""
        super().parse_arguments(parser, args)
        bounds.check(self.config.as_dict())

    def before_instantiate_classes(self) -> None:
        """Finds the checkpoint and the run's folder while nothing has been made yet."""
        self.predictions = self._predictions()
        if self.config.resume:
            self.run_dir = runs.resumed_run_dir(self.config.resume)
            self.checkpoint = self._to_go_on_from()
        else:
            self.checkpoint = runs.find_checkpoint(self.config.ckpt_path) if self.config.ckpt_path else None
            self.run_dir = runs.new_run_dir(_config_name(self.config.config), self.config.run_dir)
        saved = self.config.clone()
        for name in OF_THE_CALL:
            saved.pop(name, None)
        # Without what was left out here the config would not be whole, and parse_arguments has found it valid.
        text = self.parser.dump(saved, skip_link_targets=False, skip_validation=True)
        self.config_text = self._with_nulls(text, saved)
        trust = "".join(f" --trust {module}" for module in needed_trust(read_own(self.config_text), self.run_dir))
        again = f"fit --resume {self.run_dir}{trust}" if self.verb == "fit" else self.verb
        self.how_to_go_on = f"go on with: zoo {again}"

    def _with_nulls(self, text: str, saved: Namespace) -> str:
        """The config with the nulls that were typed where the default is another: the dump leaves out all of them."""
        default, content = self.parser.get_defaults(), read_own(text)
        options = [(saved, default, content), (saved.trainer, default.trainer, content["trainer"])]
        lost = [
            (into, name)
            for given, own, into in options
            for name, value in vars(given).items()
            if value is None and own.get(name) is not None
        ]
        if not lost:
            return text
        for into, name in lost:
            into[name] = None
        header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        return header + yaml.safe_dump(content, sort_keys=False)

    def look_again(self) -> None:
        """Finds the checkpoint in the run's folder, in which no other process is at work by now.

        Raises InputError where one that just was has begun a run there, or finished it.
        """
        if self.config.resume:
            runs.check_not_over(self.run_dir)
            self.checkpoint = self._to_go_on_from()
        else:
            runs.check_unused(self.run_dir)

    def _to_go_on_from(self) -> Path | None:
        """The last checkpoint of the run's folder that is whole."""
        runs.last_checkpoint(self.run_dir)  # for what it refuses in its place
        return newest_whole(self.run_dir / runs.CHECKPOINT)

    def _predictions(self) -> Predictions | None:
        """What collects predictions, where --predictions names a file. Raises InputError where it cannot be one."""
        given = self.config.predictions
        if given and self.verb not in ("test", "predict"):
            raise InputError(f"zoo {self.verb} writes no predictions: leave out --predictions, then use zoo predict.")
        return Predictions(check_writable(given_path(given))) if given else None

    def instantiate_classes(self) -> None:
        """Builds data, model and trainer; what they say of a bad value becomes InputError."""
        try:
            super().instantiate_classes()
        except (TypeError, RuntimeError, *_OF_VALUES) as error:
            origin = _origin(error)
            # What a config gives to a class by dict_kwargs, nobody has compared with what it takes.
            about = ("devices", "allocate memory", "SLURM", "unexpected keyword argument")
            if isinstance(origin, _OF_VALUES) or any(word in str(origin) for word in about):
                raise InputError(" ".join(str(origin).split())) from error
            raise origin from error
        network = self.model.network
        if isinstance(self.model, OwnModel):
            self._tell(self.model)
        if self.config.channels_last:
            # Inputs need not be: the first convolution brings them into the form of its weights.
            network.to(memory_format=torch.channels_last)
        if self.config.compile:
            # In place, so that the names of the weights stay.
            network.compile()

    def _tell(self, model: OwnModel) -> None:
        """Tells a model of somebody's own network how this was built, and for which images, where that is known."""
        described = read_own(self.config_text)["model"]["init_args"].get("network") or {}
        if isinstance(model.network, OwnNetwork):
            model.network.options["init_args"] = described.get("init_args") or {}
        model.see(self.datamodule)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Adds what every run has: metrics.csv, last.ckpt, the Recorder, a progress bar."""
        options, config = self.config_init.trainer, read_own(self.config_text)
        loggers = options.logger if isinstance(options.logger, list) else [options.logger]
        self.metrics = MetricsFile(self.run_dir)
        loggers = [self.metrics, *(logger for logger in loggers if logger not in (None, True, False))]
        self.recorder = Recorder(self.run_dir / runs.RECORD, config)
        callbacks: list[Callback] = [FiniteLoss(self.run_dir / runs.CHECKPOINT), self.recorder, LoaderReport()]
        wandb, tensorboard, answers = self.config_init.wandb, self.config_init.tensorboard, FirstClasses()
        with_pictures: list[Any] = []
        if wandb and mode() == "disabled":
            # W&B's own switch.
            wandb = None
        if wandb or tensorboard:
            callbacks.append(answers)
        if wandb:
            from zoo.training.wandb_run import WandbRun

            loggers.append(wandb_logger(wandb, self.run_dir, config))
            callbacks.append(WandbRun(loggers[-1], self.recorder, answers))
            with_pictures += loggers[-1:] if wandb.pictures else []
        if tensorboard:
            loggers.append(tensorboard_logger(tensorboard, self.run_dir))
            with_pictures += loggers[-1:] if tensorboard.pictures else []
        if with_pictures:
            from zoo.training.pictures import Pictures

            callbacks.append(Pictures(with_pictures, self.recorder, answers))
        if self.config_init.mlflow:
            loggers.append(mlflow_logger(self.config_init.mlflow, self.run_dir))
        if self.predictions or self.verb == "predict":
            callbacks.append(Predicting(self.predictions or Predictions(self.run_dir / runs.PREDICTIONS)))
        if options.enable_progress_bar is not False:
            callbacks.append(progress_bar())
        if self.verb == "fit" and options.enable_checkpointing is not False:
            every = (self.config_init.save_every_n_steps, self.config_init.save_every_n_minutes)
            last = self.run_dir / runs.CHECKPOINT
            callbacks.append(LastCheckpoint(last, *every, self.how_to_go_on, self.config_init.keep))
        callbacks.append(WorkingHooks())
        self.trainer_defaults = {"callbacks": callbacks}
        # Where Lightning, in a job of SLURM, looks for checkpoints of its own: none of another run's.
        kwargs["default_root_dir"] = options.default_root_dir or self.run_dir
        trainer = super().instantiate_trainer(logger=loggers, enable_model_summary=False, **kwargs)
        trainer.strategy.checkpoint_io = WholeFile()
        lighten(trainer)
        take_steps_directly(trainer)
        processes.bound(trainer)
        processes.settle_batch_norm(trainer)
        processes.leave_requeuing(trainer)
        return trainer


def understood(args: list[str]) -> tuple[dict[str, Any], ImageDataModule]:
    """The config that ``zoo fit args`` would save, with all defaults, and its data module; nothing is trained.

    Raises InputError for words that are not understood.
    """
    quiet()
    load_classes()
    cli = ZooCLI("fit", args)
    return read_own(cli.config_text), cli.datamodule


def help_text(verb: str) -> str:
    """What ``zoo verb --help`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit), warnings.catch_warnings():
        # Lightning's, of a command line beside the process's own.
        warnings.simplefilter("ignore")
        ZooCLI(verb, ["--help"])
    return printed.getvalue()


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


def load_classes() -> None:
    """Imports every data module and model: bare names (--data CIFAR10) are looked up among the classes loaded."""
    added = [NETWORKS[name].model for name in NETWORKS if NETWORKS.is_added(name)]
    for package, names in ((zoo.data, zoo.data.__all__), (zoo.models, zoo.models.__all__)):
        for name in names:
            getattr(package, name)
    for package, names in ((zoo.data, [name for name in DATA if DATA.is_added(name)]), (zoo.models, added)):
        for name in names:
            try:
                getattr(package, name)
            except Exception as error:
                # Another package's code must not keep the zoo's own from being trained.
                say(f"{name} of another package cannot be imported: {type(error).__name__}: {error}")
