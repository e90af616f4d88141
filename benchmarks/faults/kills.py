"""Kills trainings, goes on with them, and compares what comes out with trainings that nobody killed.

    python benchmarks/faults/kills.py                 # 60 kills over eight configs, some minutes
    python benchmarks/faults/kills.py --kills 3       # the first ones of each kind
    python benchmarks/faults/kills.py --output kills.json

A kill is SIGKILL: at a chosen moment, such as half-way through a write of the checkpoint, the process sends it to
itself; where it says "after so many seconds", it comes from outside, after so much computing and wherever the process
is. With two processes both die, as when their machine goes down. Then ``zoo fit --resume`` goes on to the end, or the
same command begins anew where there is no config yet. Compared are the weights, metrics.csv, the Record, last.ckpt and
the names of the files in the run folder; all but what a clock, a calendar or git says must be the same to the bit.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# The command line of each config: few steps, a checkpoint every so many.
SHORT = (
    "--trainer.enable_progress_bar false --trainer.accelerator cpu --trainer.log_every_n_steps 2"
    " --save_every_n_minutes null"
)
CONFIGS = {
    # The loggers write down each hundredth step, before there is a checkpoint.
    "lenet5_digits": "--trainer.max_epochs 2 --data.batch_size 12 --data.num_held_out 100 --save_every_n_steps 105",
    "mark1_digits": "--trainer.max_epochs 3 --save_every_n_steps 5",
    "symmetry": "--trainer.max_epochs 40 --trainer.check_val_every_n_epoch 10 --save_every_n_steps 9",
    "neocognitron": "--trainer.max_epochs 3 --trainer.limit_test_batches 20 --save_every_n_steps 4",
    "mlp_mnist": "--trainer.max_epochs 2 --trainer.limit_train_batches 9 --data.num_held_out 99 --save_every_n_steps 5",
    "lenet5_distorted": "--trainer.max_epochs 2 --trainer.limit_train_batches 8 --save_every_n_steps 3",
    "convnetjs_cifar10": "--trainer.max_epochs 2 --trainer.limit_train_batches 10 --save_every_n_steps 4",
    "cuda_convnet_26pct_cifar10": "--trainer.max_epochs 2 --trainer.limit_train_batches 4 --save_every_n_steps 3",
}
LIMITED = "--trainer.limit_test_batches 3 --trainer.limit_val_batches 2"
TWO = ("lenet5_digits", "mlp_mnist", "convnetjs_cifar10")
# How many kills of each kind there are.
KINDS = {"before the first checkpoint": 10, "in the writing of a checkpoint": 10, "two processes": 10}
KINDS |= {"at another moment": 15, "from outside": 15}
TIMES = ("train/images_per_second", "train/waiting")
SECONDS = (
    ".timing.train_seconds", ".timing.test_seconds", ".timing.train_images_per_second",
    ".timing.test_images_per_second", ".compute.seconds",
)  # fmt: skip
PARTS = ("weights", "metrics.csv", "Record", "last.ckpt", "files")


@dataclass(frozen=True)
class Kill:
    """When a training of ``config`` is killed: at the ``number``-th ``event``, or after ``seconds`` of computing."""

    kind: str
    config: str
    processes: int = 1
    event: str = ""
    number: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.event} {self.number}" if self.event else f"after {self.seconds:.2f} s"


@dataclass(frozen=True)
class Whole:
    """A training that nobody killed: what came out, its events in their order, its seconds of computing."""

    outcome: dict[str, dict[str, Any]]
    events: list[str]
    seconds: float


class Events:
    """Counts what a training does, in one of its processes; sends SIGKILL at the chosen moment."""

    def __init__(self, kill: Kill | None, log: Path) -> None:
        self.kill, self.log, self.counts = kill, log, dict[str, int]()

    def happens(self, event: str) -> bool:
        """Notes an event; whether it is the last thing that this process does."""
        self.counts[event] = self.counts.get(event, 0) + 1
        with self.log.open("a") as file:
            file.write(f"{event}\n")
        return self.kill is not None and (self.kill.event, self.kill.number) == (event, self.counts[event])

    def watch(self) -> None:
        """Puts itself into the places where something happens."""
        from zoo.results.record import Record
        from zoo.training.checkpoints import LastCheckpoint
        from zoo.training.divergence import FiniteLoss
        from zoo.training.loggers import _Writer
        from zoo.weights.sources.seal import Sealing

        self._before(LastCheckpoint, "on_train_batch_start", "step")
        self._before(FiniteLoss, "on_train_batch_end", "end of a step")
        self._before(LastCheckpoint, "on_validation_batch_start", "validation")
        self._before(LastCheckpoint, "on_test_batch_start", "test")
        self._before(_Writer, "save", "rows")
        self._before(Record, "write", "record")
        write = Sealing.write

        def half_written(sealing: Any, data: Any) -> int:
            if self.happens("bytes"):
                write(sealing, data[: len(data) // 2])
                sealing.flush()
                _die()
            return write(sealing, data)

        Sealing.write = half_written  # type: ignore[method-assign]
        replace = Path.replace

        def renamed(path: Path, target: Any) -> Path:
            name = Path(target).name
            if self.happens(f"before {name} has its name"):
                _die()
            found = replace(path, target)
            if self.happens(f"after {name} has its name"):
                _die()
            return found

        Path.replace = renamed  # type: ignore[method-assign]
        sys.addaudithook(self._opened)

    def _before(self, owner: Any, name: str, event: str) -> None:
        original = getattr(owner, name)

        def replaced(*args: Any, **options: Any) -> Any:
            if self.happens(event):
                _die()
            return original(*args, **options)

        setattr(owner, name, replaced)

    def _opened(self, event: str, args: tuple[Any, ...]) -> None:
        written = event == "open" and isinstance(args[1], str) and "w" in args[1] and "config" in str(args[0])
        if written and self.happens("config.yaml, empty"):
            # As it is between its opening and the first byte.
            os.close(os.open(args[0], os.O_CREAT | os.O_WRONLY | os.O_TRUNC))
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train(words: list[str], folder: Path, processes: int, kill: Kill | None = None) -> list[int]:
    """Runs ``zoo WORDS`` in ``folder``, in processes forked from this one; their exit statuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = {}
    for rank in range(processes):
        child = os.fork()
        if not child:
            _child(words, folder, rank, processes, port, kill)
        children[child] = rank
    statuses = [0] * processes
    while children:
        for child in list(children):
            if kill and kill.seconds and children[child] == 0 and _computed(child) >= kill.seconds:
                os.kill(child, signal.SIGKILL)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                statuses[children.pop(child)] = os.waitstatus_to_exitcode(status)
                if os.WIFSIGNALED(status):
                    for other in children:
                        os.kill(other, signal.SIGKILL)
        time.sleep(0.002)
    return statuses


def _child(words: list[str], folder: Path, rank: int, processes: int, port: int, kill: Kill | None) -> None:
    status = 99
    try:
        os.chdir(folder)
        for name in ("ZOO_RUN_DIR", "PL_GLOBAL_SEED"):
            os.environ.pop(name, None)
        if processes > 1:
            from lightning.pytorch.utilities.rank_zero import rank_zero_only

            os.environ |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": str(processes),
                "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                "TORCHELASTIC_RUN_ID": "kills",
            }  # fmt: skip
            # Set when Lightning is imported, which was before.
            rank_zero_only.rank = rank
        said = os.open(f"said-{rank}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        from zoo.cli import main
        from zoo.training import checkpoints

        # Otherwise the clock says after which epochs there is a checkpoint.
        checkpoints.SHORTEST = 0.0
        if rank == 0:
            Events(kill, folder / "events").watch()
        status = main(words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _computed(child: int) -> float:
    try:
        values = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def command(config: str, data: Path, processes: int) -> list[str]:
    """What is typed to train a config on the made data."""
    words = ["fit", "--config", config, *SHORT.split(), *CONFIGS[config].split()]
    if "limit_test_batches" not in CONFIGS[config] and config not in ("lenet5_digits", "mark1_digits", "symmetry"):
        words += LIMITED.split()
    if config.endswith(("mnist", "distorted", "cifar10")):
        words += ["--data.root", str(data)]
    return [*words, "--trainer.devices", str(processes)]


def whole(config: str, processes: int, place: Path, data: Path) -> Whole:
    """Trains a config without a kill."""
    folder = place / f"{config}-{processes}"
    folder.mkdir()
    before = os.times()
    statuses = train([*command(config, data, processes), "--run_dir", "run"], folder, processes)
    after = os.times()
    if any(statuses):
        raise RuntimeError(f"{config} ended with {statuses}:\n{(folder / 'said-0').read_text()[-2000:]}")
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    events = (folder / "events").read_text().splitlines()
    return Whole(outcome(folder / "run"), events, seconds / processes)


def plan(wholes: dict[tuple[str, int], Whole]) -> Iterator[Kill]:
    """The kills of each kind, over the configs in turn, at moments that are drawn."""
    drawn = random.Random(1)
    for kind, count in KINDS.items():
        processes = 2 if kind == "two processes" else 1
        names = [config for config, number in wholes if number == processes]
        for place in range(count if names else 0):
            config = names[place % len(names)]
            yield _drawn(kind, config, processes, wholes[config, processes], drawn, late=place % 2 == 0)


def _drawn(kind: str, config: str, processes: int, known: Whole, drawn: random.Random, *, late: bool) -> Kill:
    if kind == "from outside":
        # In the first tenth nothing but the command line is read.
        return Kill(kind, config, processes, seconds=known.seconds * drawn.uniform(0.1, 0.95))
    first = known.events.index("bytes")
    early = list(range(first - 4 if late else 0, first))
    writing = [place for place, event in enumerate(known.events) if event == "bytes" or "last.ckpt" in event]
    places = {"before the first checkpoint": early, "in the writing of a checkpoint": writing}
    # An event that is rare, such as the writing of the Record, is as likely as the many steps.
    allowed = places.get(kind, list(range(len(known.events))))
    event = drawn.choice(sorted({known.events[place] for place in allowed}))
    place = drawn.choice([place for place in allowed if known.events[place] == event])
    return Kill(kind, config, processes, event, known.events[: place + 1].count(event))


class Missed(Exception):  # noqa: N818
    """Raised where a training was over before its kill."""


def killed_in_time(kill: Kill, place: Path, data: Path, expected: Whole) -> tuple[Kill, dict[str, bool]]:
    """The kill that was made, and what ``killed`` says of it; a moment that came too late is taken earlier."""
    for _ in range(10):
        try:
            return kill, killed(kill, place, data, expected)
        except Missed:
            if not kill.seconds:
                raise
            # Seconds are counted in hundredths and looked at now and then: a short training can be over by then.
            kill = replace(kill, seconds=0.8 * kill.seconds)
    raise Missed(f"{kill.config} is over before anything can kill it.")


def killed(kill: Kill, place: Path, data: Path, expected: Whole) -> dict[str, bool]:
    """Trains until the kill, goes on to the end; which parts of what came out are as they should be.

    Raises Missed where the training ends by itself.
    """
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        words = command(kill.config, data, kill.processes)
        statuses = train([*words, "--run_dir", "run"], folder, kill.processes, kill)
        if statuses[0] != -signal.SIGKILL:
            said = (folder / "said-0").read_text()[-2000:]
            error = RuntimeError if any(statuses) else Missed
            raise error(f"{kill.config} was not killed at {kill}, but ended with {statuses}:\n{said}")
        if not (folder / "run" / "record.json").is_file():
            # Without its config there is nothing to go on with, and the same command begins anew.
            again = ["fit", "--resume", "run"]
            has_config = (folder / "run" / "config.yaml").is_file() and (folder / "run" / "config.yaml").stat().st_size
            statuses = train(again if has_config else [*words, "--resume", "run"], folder, kill.processes)
            if any(statuses):
                said = (folder / "said-0").read_text()[-1000:].strip().splitlines()
                print(f"{kill.config} did not go on after {kill}: status {statuses}: {said[-1:]}", file=sys.stderr)
                return dict.fromkeys(PARTS, False)
        found = outcome(folder / "run")
    for part in PARTS:
        _tell(f"{kill.config}, {kill}, {part}", found[part], expected.outcome[part])
    return {part: found[part] == expected.outcome[part] for part in PARTS}


def _tell(what: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Where two parts differ, a few of the places on standard error."""
    gone = object()
    places = [key for key in {**expected, **found} if found.get(key, gone) != expected.get(key, gone)]
    for key in places[:3]:
        print(f"{what}: {key} is {found.get(key, 'gone')}, not {expected.get(key, 'there')}", file=sys.stderr)


def outcome(folder: Path) -> dict[str, dict[str, Any]]:
    """What a run left behind, each part as values by their path in it; without what clocks, calendars and git say."""
    import torch

    record = dict(_flat(json.loads((folder / "record.json").read_text())))
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]
    checkpoint = dict(_flat(torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)))
    del checkpoint[".zoo_ledger.seconds"]
    for key in (".created", ".git.commit", ".git.dirty", *SECONDS):
        record.pop(key, None)
    state = {key: value for key, value in checkpoint.items() if key.startswith(".state_dict.")}
    # A lock whose holder is dead locks nobody out.
    files = dict.fromkeys(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock")
    return dict(zip(PARTS, (state, dict(_flat(rows)), record, checkpoint, files), strict=True))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a checkpoint by their path in it; of tensors a digest."""
    import torch

    if isinstance(value, torch.Tensor):
        content = value.contiguous().numpy().tobytes()
        yield name, (str(value.dtype), tuple(value.shape), hashlib.sha256(content).hexdigest())
    elif isinstance(value, dict | list | tuple):
        for key, content in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(content, f"{name}.{key}")
    else:
        yield name, value


def make_data(root: Path) -> None:
    """MNIST's and CIFAR-10's files, with images of noise."""
    import gzip

    import numpy as np

    drawn = np.random.default_rng(0)
    (root / "mnist").mkdir(parents=True)
    for name, num in (("train", 60_000), ("t10k", 10_000)):
        images = np.repeat(drawn.integers(0, 256, (100, 28, 28), np.uint8), num // 100, axis=0)
        for kind, values in (("images-idx3", images), ("labels-idx1", (np.arange(num) % 10).astype(np.uint8))):
            header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
            (root / "mnist" / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + values.tobytes(), 1))
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    records = np.tile(drawn.integers(0, 256, (100, 3073), np.uint8), (100, 1))
    records[:, 0] = np.arange(10_000) % 10
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def show(kills: list[Kill], found: list[dict[str, bool]]) -> None:
    """Prints one line a kill, and how many of each part are identical."""
    width = max(len(f"{kill.config}, {kill.processes}") for kill in kills)
    print(f"{'config, processes':<{width}}  {'killed':<42}  {'  '.join(PARTS)}")
    kind = ""
    for kill, same in zip(kills, found, strict=True):
        if kill.kind != kind:
            kind = kill.kind
            print(f"-- {kind}")
        marks = "  ".join(f"{'same' if same[part] else 'OTHER':<{len(part)}}" for part in PARTS)
        print(f"{f'{kill.config}, {kill.processes}':<{width}}  {kill!s:<42}  {marks}")
    for part in PARTS:
        print(f"{part}: identical in {sum(same[part] for same in found)} of {len(found)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="kinds, or configs, that have this in them")
    parser.add_argument("--kills", type=int, help="so many kills, of each kind in turn, on the digits alone")
    parser.add_argument("--output", type=Path, help="write what was found as JSON")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _warm_up()
    if options.kills:
        for name in [name for name in CONFIGS if name != "lenet5_digits"]:
            del CONFIGS[name]
    with tempfile.TemporaryDirectory(prefix="zoo-kills-") as name:
        place = Path(name)
        if len(CONFIGS) > 1:
            make_data(place / "data")
        wanted = [(config, 1) for config in CONFIGS]
        if options.kills is None or options.kills > [*KINDS].index("two processes"):
            wanted += [(config, 2) for config in TWO if config in CONFIGS]
        wholes = {key: whole(*key, place, place / "data") for key in wanted}
        kills = list(plan(wholes))
        if options.kills:
            kills = list({kill.kind: kill for kill in reversed(kills)}.values())[::-1][: options.kills]
        kills = [kill for kill in kills if options.only in f"{kill.kind} {kill.config}"]
        made = []
        for kill in kills:
            made.append(killed_in_time(kill, place, place / "data", wholes[kill.config, kill.processes]))
            print(f"{len(made)} of {len(kills)}", file=sys.stderr, flush=True)
    kills, found = [kill for kill, _ in made], [same for _, same in made]
    show(kills, found)
    if options.output:
        entries = [vars(kill) | {"same": same} for kill, same in zip(kills, found, strict=True)]
        options.output.write_text(json.dumps(entries, indent=1))
    return 0 if all(all(same.values()) for same in found) else 1


def _warm_up() -> None:
    """Imports once what every training imports."""
    import sklearn.datasets
    import torch

    import zoo.report.summary
    import zoo.training.verbs  # noqa: F401
    from zoo.training.cli import load_classes

    torch.set_num_threads(1)
    load_classes()
    sklearn.datasets.load_digits()


if __name__ == "__main__":
    sys.exit(main())
