"""A config that came with results runs nobody's code: what it may name, how it is refused, and how it is trusted."""

import inspect
import json
import subprocess
import sys
import typing
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from weights_cases import CONFIG, make_run

import zoo
import zoo.data
import zoo.models
import zoo.optim
from zoo.benchmark.entries import find
from zoo.catalog import DATA, NETWORKS
from zoo.cli import main
from zoo.commands import reproduce
from zoo.errors import InputError
from zoo.training.arguments import complete
from zoo.training.lent import _TAKE_CLASSES, check_lent, needed_trust

EVIL = "open('executed', 'w').close()\nfrom lightning.pytorch import Callback\nclass Own(Callback):\n    pass\n"
CALL = {"class_path": "lightning.pytorch.callbacks.LambdaCallback", "init_args": {"setup": "evil.Own"}}


def trainer(**options):
    return lambda config: config["trainer"].update(options)


def data(**options):
    return lambda config: config["data"].update(options)


def model(**options):
    return lambda config: config["model"]["init_args"].update(options)


def foreign(name, **options):
    return trainer(callbacks=[{"class_path": f"lightning.pytorch.callbacks.{name}", "init_args": options}])


def optimizer(name, **options):
    return model(optimizer={"class_path": name, "init_args": options})


# Each one executed something, read a file with more of the config, or wrote outside of the run folder.
ATTACKS = {
    "a callback of a module in the working folder": trainer(callbacks=[{"class_path": "evil.Own"}]),
    "a single callback": trainer(callbacks={"class_path": "evil.Own"}),
    "a callback by its name alone": trainer(callbacks=["evil.Own"]),
    "a callback that calls what it is given": trainer(callbacks=[CALL]),
    "the same by its short name": trainer(callbacks=[CALL | {"class_path": "LambdaCallback"}]),
    "a function inside Lightning's averaging": foreign("WeightAveraging", avg_fn="evil.Own"),
    "a list of functions in a string": foreign("WeightAveraging", avg_fn='["evil.Own"]'),
    "a callback of zoo that writes where it is told": trainer(
        callbacks=[{"class_path": "zoo.training.checkpoints.LastCheckpoint", "init_args": {"path": "/x"}}]
    ),
    "checkpoints outside": foreign("ModelCheckpoint", dirpath="/elsewhere"),
    "checkpoints above": foreign("ModelCheckpoint", dirpath="run/../.."),
    "checkpoints outside by their name": foreign("ModelCheckpoint", filename="../../x"),
    "checkpoints by an absolute name": foreign("ModelCheckpoint", filename="/x"),
    "a logger outside": trainer(
        logger=[{"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "/elsewhere"}}]
    ),
    "a logger of a module": trainer(logger={"class_path": "evil.Own"}),
    "the Trainer's folder": trainer(default_root_dir="/elsewhere"),
    "a strategy": trainer(strategy={"class_path": "evil.Own"}),
    "a strategy in a file": trainer(strategy="more"),
    "a profiler in a file": trainer(profiler="more"),
    "a profiler in a string": trainer(profiler="{class_path: evil.Own}"),
    "a plugin": trainer(plugins=["evil.Own"]),
    "an optimizer": optimizer("evil.Own"),
    "an optimizer by its name": model(optimizer="evil.Own"),
    "an optimizer in a file": model(optimizer="more"),
    "an optimizer in a string": model(optimizer='{"class_path": "evil.Own"}'),
    "a function as an option of torch's": optimizer("torch.optim.SGD", lr="evil.Own"),
    "a schedule": model(schedule={"class_path": "evil.Own"}),
    "a schedule that calls": model(
        schedule={"class_path": "torch.optim.lr_scheduler.LambdaLR", "init_args": {"lr_lambda": "evil.Own"}}
    ),
    "a class inside a class": optimizer("zoo.optim.MomentumSGD", lr={"class_path": "evil.Own"}),
    "a class with other options": model(optimizer={"class_path": "torch.optim.SGD", "dict_kwargs": {"a": 1}}),
    "torch's other modules": optimizer("torch.utils.cpp_extension.load"),
    "zoo's other modules": optimizer("zoo.files.whole"),
    "a data module": data(class_path="evil.Own"),
    "a data module in a file": lambda config: config.update(data="more"),
    "a model": lambda config: config["model"].update(class_path="evil.Own"),
    "a model without a class": lambda config: config.update(model={"init_args": {}}),
    "a Trainer in a file": lambda config: config.update(trainer="more"),
    "a key with a dot": lambda config: config["trainer"].update({"callbacks.class_path": "evil.Own"}),
    "a key with a sign": lambda config: config["trainer"].update({"callbacks+": {"class_path": "evil.Own"}}),
    "predictions elsewhere": lambda config: config.update(predictions="/elsewhere.csv"),
    "a class for W&B": lambda config: config.update(wandb={"class_path": "evil.Own"}),
    "a class for a number": lambda config: config.update(seed_everything={"class_path": "evil.Own"}),
    "a class in a list": lambda config: config.update(keep=[{"class_path": "evil.Own"}]),
    "a run folder elsewhere": lambda config: config.update(run_dir="/elsewhere"),
    "another checkpoint": lambda config: config.update(ckpt_path="other"),
    "trust in itself": lambda config: config.update(trust="evil"),
}


@pytest.fixture
def lent(in_folder, monkeypatch):
    """Makes a run folder with a changed config; a module and a file wait to be fetched by it."""
    monkeypatch.syspath_prepend(str(in_folder))
    Path("evil.py").write_text(EVIL)
    Path("more").write_text("class_path: evil.Own\n")

    def with_config(change):
        config = deepcopy(CONFIG)
        config["model"]["init_args"]["optimizer"] = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}}
        change(config)
        make_run(in_folder / "run", config=config)
        Path("run/config.yaml").write_text(yaml.safe_dump(config))
        return config

    yield with_config
    sys.modules.pop("evil", None)


def assert_nothing_ran():
    assert not Path("executed").exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("change", ATTACKS.values(), ids=ATTACKS)
def test_what_could_run_or_write_is_refused_before_it_is_imported(lent, capsys, change):
    config = lent(change)
    for words in (["test", "--ckpt_path", "run"], ["fit", "--resume", "run"], ["fit", "--ckpt_path", "run"]):
        assert main([*words]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "run/config.yaml" in line
        assert "came with results and " in line or "unknown key" in line
        assert_nothing_ran()
    with pytest.raises(InputError, match="came with results and "):
        check_lent(config, Path("record.json"))


def test_reproduce_refuses_a_record_with_such_a_config(lent, capsys, monkeypatch):
    lent(trainer(callbacks=[{"class_path": "evil.Own"}]))
    monkeypatch.setattr(reproduce, "_check_trained", lambda *ignored: None)
    for given in ("run", "run/record.json"):
        assert main(["reproduce", given]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "run/record.json came with results and names evil.Own" in line
        assert line.endswith("read it, then add --trust evil if you trust it.")
    assert_nothing_ran()


@pytest.mark.parametrize("part", ["data", "model"])
def test_weights_of_a_run_import_nothing_that_its_config_names(lent, part):
    lent(lambda config: config[part].update(class_path="evil.Own"))
    for use in (
        zoo.load,
        find,
        lambda run: zoo.get_weights(run).transforms(),
        lambda run: zoo.get_weights(run).model(),
    ):
        try:
            use("run")
        except (InputError, AttributeError):
            assert part == "data"
    assert_nothing_ran()


@pytest.mark.parametrize("trust", ["evil", "evil.Own"])
def test_what_is_trusted_may_be_named(lent, trust):
    lent(trainer(callbacks=[{"class_path": "evil.Own"}]))
    for words in (["--trust", trust], ["--trust", "other", f"--trust={trust}"]):
        assert complete("test", ["--ckpt_path", "run", *words])[:2] == [
            "--config",
            str(Path("run/config.yaml").absolute()),
        ]
    for other in ("evi", "evil.Own.x", "evil.Other"):
        with pytest.raises(InputError, match=r"names evil\.Own"):
            complete("test", ["--ckpt_path", "run", "--trust", other])
    with pytest.raises(InputError, match="--trust takes the name of a module"):
        complete("test", ["--ckpt_path", "run", "--trust", ""])


def test_a_config_that_the_user_gives_may_name_any_class(lent):
    lent(trainer(callbacks=[{"class_path": "evil.Own"}]))
    words = ["--ckpt_path", "run", "--config", "run/config.yaml"]
    assert complete("test", words) == words


HARMLESS = {
    "nothing strange": lambda config: None,
    "early stopping": foreign("EarlyStopping", monitor="val/top1_error", patience=3),
    "checkpoints inside": foreign("ModelCheckpoint", dirpath="run/best", filename="{epoch}-{val/loss:.2f}"),
    "checkpoints where Lightning puts them": foreign("ModelCheckpoint", dirpath=None, monitor="val/loss"),
    "rates gathered": foreign("GradientAccumulationScheduler", scheduling={0: 2, 4: 1}),
    "averaged weights": foreign("EMAWeightAveraging", decay=0.99),
    "words": trainer(strategy="ddp_find_unused_parameters_false", devices="0,1", precision="16-mixed", logger=True),
    "a logger inside": trainer(
        logger=[{"class_path": "lightning.pytorch.loggers.TensorBoardLogger", "init_args": {"save_dir": "run"}}]
    ),
    "a longer wait": trainer(
        strategy={"class_path": "lightning.pytorch.strategies.DDPStrategy", "init_args": {"timeout": "0:30:00"}}
    ),
    "data anywhere": lambda config: config["data"]["init_args"].update(root="/where/my.data/is {today}"),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_runs_nothing_is_let_through(lent, change):
    lent(change)
    assert complete("test", ["--ckpt_path", "run"])[:2] == ["--config", str(Path("run/config.yaml").absolute())]


def test_every_record_and_every_shipped_config_is_let_through():
    records = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    assert records
    assert configs
    for path in records:
        content = json.loads(path.read_text())["config"]
        if "benchmark" not in content:
            check_lent(content, path)
    for path in configs:
        check_lent(yaml.safe_load(path.read_text()), path)


def test_what_has_to_be_trusted_to_go_on_is_named(in_folder):
    config = deepcopy(CONFIG)
    assert needed_trust(config, in_folder) == []
    foreign("ModelCheckpoint", dirpath="/elsewhere")(config)
    config["trainer"]["callbacks"] += [{"class_path": "mine.nets.Own"}, {"class_path": "mine.nets.Other"}]
    found = needed_trust(config, in_folder)
    assert found == ["lightning.pytorch.callbacks.ModelCheckpoint", "mine.nets"]
    check_lent(config, Path("config.yaml"), found, in_folder)


def test_options_of_the_zoo_that_take_a_class_are_the_known_ones():
    """A string for any other option stays a string; one for these would be imported."""
    plain = {str, int, float, bool, type(None), Path, typing.Literal, list, tuple, dict, set}

    def leaves(kind):
        origin = typing.get_origin(kind)
        if origin is typing.Literal or (origin is not None and kind is not origin and not typing.get_args(kind)):
            return {typing.Literal}
        if origin is typing.Annotated:
            return leaves(typing.get_args(kind)[0])
        if origin is None or "Callable" in str(origin):
            return {kind}
        return set().union(*(leaves(each) for each in typing.get_args(kind) if each is not ...))

    owners = [getattr(zoo.data, name) for name in DATA]
    owners += [zoo.models.OwnModel, *(getattr(zoo.models, entry.model) for entry in NETWORKS.values())]
    owners += [zoo.optim.SDLM, zoo.optim.MomentumSGD, zoo.optim.Cosine, zoo.optim.Drops, zoo.optim.Passes]
    seen = set()
    for owner in owners:
        for name, parameter in inspect.signature(owner).parameters.items():
            kind = typing.get_type_hints(owner.__init__).get(name, parameter.annotation)
            seen |= {name} if leaves(kind) - plain else set()
    # The parameters of torch's optimizers come from the model.
    assert seen == {*_TAKE_CLASSES, "params"}


def test_the_command_does_not_import_from_the_working_folder(in_folder):
    """As documented: ``zoo`` and ``python -P -m zoo`` do not, ``python -m zoo`` does as Python has it."""
    Path("yaml.py").write_text("open('executed', 'w').close()\nraise SystemExit(3)\n")
    script = Path(sys.executable).with_name("zoo")
    # A verb that imports yaml and nothing that takes seconds.
    for words, status in (
        ([str(script)], 0), ([sys.executable, "-P", "-m", "zoo"], 0), ([sys.executable, "-m", "zoo"], 3),
    ):  # fmt: skip
        done = subprocess.run([*words, "table", "digits"], capture_output=True, text=True, check=False)
        assert (done.returncode, Path("executed").exists()) == (status, status == 3), done.stderr
