"""docs/imagenet.md: every command is understood by what it calls, and every time follows from a Record."""

import json
import math
import re
import shlex
import shutil

import pytest
import torch
from conftest import ROOT
from torch.distributed.run import get_args_parser

import zoo
import zoo.commands.benchmark
import zoo.commands.data
from zoo.cli import main
from zoo.results.experiment import read_records
from zoo.training.arguments import complete
from zoo.training.cli import understood

PAGE = (ROOT / "docs" / "imagenet.md").read_text()
IMAGES = 1_281_167 - 10_000
# Of sbatch.
KNOWN = ("--nodes", "--time")


def commands() -> list[list[str]]:
    """The commands of the page, word by word, without what they set in the environment."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        found.append(words)
    return found


def to_zoo(words: list[str]) -> list[str]:
    """The words that zoo gets from those that call its launcher."""
    if words[0] == "torchrun":
        options = get_args_parser().parse_args(words[1:])
        assert (options.module, options.training_script) == (True, "zoo")
        return options.training_script_args
    if words[0] == "sbatch":
        place = words.index("scripts/slurm.sh")
        assert all(word in KNOWN for word in words[1:place] if word.startswith("--"))
        added = ["--resume", "runs/zoo-1", "--trainer.num_nodes", "8", "--trainer.devices", "8"]
        return ["fit", *words[place + 1 :], *added]
    assert words[0] == "zoo"
    return words[1:]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_understood(words, in_folder):
    verb, *rest = to_zoo(words)
    if verb == "fit":
        # A GPU may not be there; the weights need no memory.
        with torch.device("meta"):
            config, data = understood(complete(verb, [*rest, "--trainer.accelerator", "cpu"]))
        trainer = config["trainer"]
        data.check_processes(trainer["num_nodes"] * (1 if trainer["devices"] == "auto" else int(trainer["devices"])))
    elif verb == "table":
        shutil.copytree(ROOT / "benchmarks" / "results_speed", in_folder / rest[-1])
        assert main([verb, *rest]) == 0
    else:
        parsed = {"data": zoo.commands.data, "benchmark": zoo.commands.benchmark}[verb]._parsed(verb, rest)
        assert parsed


def test_there_are_commands_of_every_kind():
    kinds = {words[0] if words[0] != "zoo" else " ".join(words[:2]) for words in commands()}
    assert kinds == {"torchrun", "sbatch", "zoo fit", "zoo data", "zoo benchmark", "zoo table"}


def test_every_time_follows_from_the_record_that_it_names():
    names = dict.fromkeys(re.findall(r"`(benchmarks/results/\S+\.json)`", PAGE))
    records = [json.loads((ROOT / name).read_text()) for name in names]
    speed, on_cpu = (record["timing"]["train_images_per_second"] for record in records)
    hours = IMAGES * 90 / speed / 3600
    assert records[1]["environment"]["processes"] == 2
    text = " ".join(PAGE.split())
    assert f"trained AlexNet at {on_cpu} images a second" in text
    assert f"90 epochs would take them {IMAGES * 90 / on_cpu / 86400:.0f} days." in text
    row = f"| AlexNet | 90 | {speed:,.0f} | " + " | ".join(f"{hours / gpus:.1f} h" for gpus in (1, 8, 64)) + " |"
    assert row in PAGE


def test_what_is_called_not_measured_is_not_and_what_was_measured_is_there():
    # A Record of ImageNet's photographs on another GPU, of another network or of more processes belongs on the page.
    found = [record for record in read_records(ROOT / "benchmarks" / "results") if record.dataset["name"] == "imagenet"]
    assert {(record.network, record.environment["device"], record.environment["processes"]) for record in found} <= {
        ("alexnet", "NVIDIA H200", 1),
        ("alexnet", "cpu", 1),
        ("alexnet", "cpu", 2),
    }
    speeds = [json.loads(path.read_text()) for path in (ROOT / "benchmarks" / "results_speed").glob("*.json")]
    assert {speed["environment"]["device"] for speed in speeds} == {"cpu"}


def test_the_speeds_of_the_loaders_are_those_of_the_table():
    table = (ROOT / "benchmarks" / "tables" / "loaders.md").read_text()
    theirs, plain, fast, store = speeds = ("814", "1,330", "1,903", "17,578")
    assert (
        f"read {theirs} photographs a second by torchvision's pipeline, and by these {plain}, {fast} and {store}"
        in PAGE
    )
    for speed, ratio in zip(speeds[1:], ("1.66 times", "2.32 times", "21.61 times"), strict=True):
        assert f"| {speed} | {ratio.removesuffix(' times')} (" in table
        assert ratio in PAGE
    # Of two cores.
    cores = [math.ceil(2 * 1285 / int(speed.replace(",", ""))) for speed in (store, plain)]
    assert cores == [1, 2]
    assert "take one core with a prepared store and two" in PAGE


def test_the_sizes_of_checkpoints_are_those_of_the_networks():
    with torch.device("meta"):
        for name in ("alexnet", "vgg16"):
            num = sum(parameter.numel() for parameter in zoo.get_model(name).parameters())
            # Weights and momentum, four bytes each.
            assert re.search(rf"{8 * num / 1e9:.1f} GB for \S+\s+{num:,}", PAGE), (name, num)
