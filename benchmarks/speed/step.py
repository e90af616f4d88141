"""Times a training step of ``zoo fit`` beside Lightning's own floor and a plain loop, in turns in one process.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/speed/step.py --data DIR [--threads 2]

DIR holds cifar-10-batches-bin/. All three train the same network with the same loader, batches and optimizer:

- plain: a loop of loader, forward, loss, backward, optimizer step;
- floor: a bare LightningModule with that step in a bare Trainer, without logger, progress line, checkpoints;
- zoo: what ``zoo fit`` does, with metrics, logging, progress line, checkpoints and all callbacks.

They take turns, ``--steps`` steps each, while the two others wait in the middle of their training, so that what else
the machine does falls on all. A round is one turn of each; the first is not counted. Where its memory happens to lie
makes a training faster or slower by some per cent for as long as its process lives, so that there are several
processes, one after the other, of so many rounds each. The clock is the process's own CPU time (``--clock wall``: the
wall's, for a quiet machine and for several threads). The table has medians over all rounds, and of the ratios within a
round. ``--write`` puts what was measured into tables/step.md, whose
other rows stay.
"""

import argparse
import contextlib
import io
import multiprocessing
import platform
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from kept_rows import kept_rows
from lightning.pytorch import Callback, LightningModule, Trainer

from zoo.data import CIFAR10
from zoo.models import get_model
from zoo.training.arguments import complete
from zoo.training.cli import ZooCLI, load_classes
from zoo.training.console import quiet

TABLE = Path(__file__).parents[1] / "tables" / "step.md"
BATCH = 128
# Network: its config, of which the learning rule is, and its form.
NETWORKS = {
    "mlp": ("mlp_cifar10", {}),
    "lenet5": ("lenet5_cifar10", {"variant": "modern", "in_channels": 3}),
}
RULES: dict[str, dict[str, Any]] = {
    "mlp": {"lr": 0.1, "momentum": 0.9, "weight_decay": 3e-4},
    "lenet5": {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True},
}
ASKED = {("mlp", 1): 1.12, ("mlp", 2): 1.35, ("lenet5", 1): 1.03, ("lenet5", 2): 1.10}
WITHOUT_END = 1_000_000


class Over(BaseException):
    """Ends a training that has no end; Lightning lets it through."""


class Turns:
    """Lets one of several trainings run at a time, each in its thread, and reads the clock when it hands over."""

    def __init__(self, steps: int, clock: Callable[[], float]) -> None:
        self.steps, self.clock = steps, clock
        self.over, self.seconds = False, 0.0
        self.failure: BaseException | None = None
        self._mine: dict[str, threading.Semaphore] = {}
        self._done = threading.Semaphore(0)
        self._left: dict[str, int] = {}
        self._began = 0.0

    def start(self, name: str, training: Callable[[], None]) -> None:
        """Sets it off, up to its first step."""
        self._mine[name], self._left[name] = threading.Semaphore(0), 0

        def run() -> None:
            self._mine[name].acquire()
            try:
                training()
            except Over:
                pass
            except BaseException as error:
                # It is raised again by whoever waits.
                self.failure = error
            self._done.release()

        threading.Thread(target=run, daemon=True).start()
        self.turn(name)

    def turn(self, name: str) -> float:
        """Seconds of the next ``steps`` steps."""
        self._mine[name].release()
        self._done.acquire()
        if self.failure:
            raise self.failure
        return self.seconds

    def step_over(self, name: str) -> None:
        """Called by a training after each step: waits where its turn is over."""
        if self._left[name] > 1:
            self._left[name] -= 1
            return
        self.seconds = self.clock() - self._began
        self._done.release()
        self._mine[name].acquire()
        if self.over:
            raise Over
        self._left[name], self._began = self.steps, self.clock()


class HandsOver(Callback):
    """Tells ``Turns`` of the steps of a Trainer."""

    def __init__(self, turns: Turns, name: str) -> None:
        self.turns, self.name = turns, name

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Before the first step, and between two."""
        self.turns.step_over(self.name)


class Bare(LightningModule):
    """The step, and nothing else."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.network = name, network(name)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """The mean loss."""
        images, labels = batch
        return loss(self.name, self.network(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """As in the plain loop."""
        return optimizer(self.name, self.network)


def network(name: str) -> torch.nn.Module:
    """The config's own form."""
    torch.manual_seed(0)
    return get_model(name, **NETWORKS[name][1]).train()


def loss(name: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy."""
    return F.cross_entropy(logits, labels)


def optimizer(name: str, of: torch.nn.Module) -> torch.optim.Optimizer:
    """SGD over weights and biases apart, as ``zoo fit`` has them."""
    weights = [p for p in of.parameters() if p.ndim >= 2]
    biases = {"params": [p for p in of.parameters() if p.ndim < 2], "weight_decay": 0.0}
    return torch.optim.SGD([{"params": weights}, biases], **RULES[name])


def data(root: Path) -> CIFAR10:
    """CIFAR-10, cropped and flipped."""
    module = CIFAR10(str(root), batch_size=BATCH, transform="crop_flip", num_held_out=0)
    module.setup()
    return module


def plain(name: str, root: Path, turns: Turns) -> None:
    """A plain loop."""
    loader, trained = data(root).train_dataloader(), network(name)
    steps = optimizer(name, trained)
    while True:
        for images, labels in loader:
            turns.step_over("plain")
            steps.zero_grad()
            loss(name, trained(images), labels).backward()
            steps.step()


def floor(name: str, root: Path, turns: Turns) -> None:
    """A bare module in a bare Trainer."""
    trainer = Trainer(
        accelerator="cpu", max_epochs=WITHOUT_END, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[HandsOver(turns, "floor")],
    )  # fmt: skip
    trainer.fit(Bare(name), data(root).train_dataloader())


def zoo(name: str, root: Path, turns: Turns, run_dir: Path) -> None:
    """``zoo fit``, without the test at its end."""
    config, form = NETWORKS[name]
    typed = {
        "config": config, "run_dir": run_dir, "data.root": root, "data.batch_size": BATCH,
        "data.transform": "crop_flip",
        "model.schedule": "null", "trainer.max_epochs": WITHOUT_END, "trainer.accelerator": "cpu",
    } | ({"model.variant": form["variant"]} if "variant" in form else {})  # fmt: skip
    words = [word for key, value in typed.items() for word in (f"--{key}", str(value))]
    run = ZooCLI("fit", complete("fit", words))
    run.trainer.callbacks.append(HandsOver(turns, "zoo"))
    run.trainer.fit(run.model, datamodule=run.datamodule)


def measure(name: str, root: Path, rounds: int, steps: int, clock: str, threads: int) -> dict[str, list[float]]:
    """Images a second, a round each, in a process of its own."""
    sys.argv = ["zoo"]
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    quiet()
    load_classes()
    turns = Turns(steps, time.process_time if clock == "cpu" else time.perf_counter)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        turns.start("plain", lambda: plain(name, root, turns))
        turns.start("floor", lambda: floor(name, root, turns))
        turns.start("zoo", lambda: zoo(name, root, turns, Path(folder, "run")))
        rates: dict[str, list[float]] = {"plain": [], "floor": [], "zoo": []}
        for number in range(rounds + 1):
            for which, kept in rates.items():
                seconds = turns.turn(which)
                if number:
                    kept.append(steps * BATCH / seconds)
        turns.over = True
        for which in rates:
            turns.turn(which)
    return rates


def rows(name: str, threads: int, processes: int, rates: dict[str, list[float]]) -> dict[tuple[str, ...], str]:
    """A row each: rounds, of how many processes, images a second, and how many times the plain loop's time."""
    table = {}
    for which, values in rates.items():
        ratios = [theirs / mine for mine, theirs in zip(values, rates["plain"], strict=True)]
        ratio = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        asked = f"{ASKED[name, threads]}" if which == "zoo" and (name, threads) in ASKED else ""
        spread = f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"
        line = f"| {name} | {threads} | {which} | {len(values)} | {processes} | {spread} | {ratio} | {asked} |"
        table[name, f"{threads}", which] = line
    return table


def main() -> None:
    """Measures, prints and, if asked to, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS], choices=[*NETWORKS])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.write and arguments.clock != "wall":
        parser.error("--write is for the wall's clock")
    table = kept_rows(TABLE, 3) if arguments.write else {}
    # One process a task.
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    for number in arguments.threads:
        for name in arguments.networks:
            rates: dict[str, list[float]] = {}
            words = name, arguments.data, arguments.rounds, arguments.steps, arguments.clock, number
            for of_process in pool.map(measure, *zip(*[words] * arguments.processes, strict=True)):
                for which, values in of_process.items():
                    rates.setdefault(which, []).extend(values)
            table |= (measured := rows(name, number, arguments.processes, rates))
            print("\n".join(measured.values()), flush=True)
    head = [
        "network", "threads", "loop", "rounds", "processes",
        "images/s (range)", "times the plain loop's time (range)", "asked",
    ]  # fmt: skip
    note = f"Batches of {BATCH} from CIFAR-10 in memory, pad 4, crop, flip; torch {torch.__version__}, Lightning"
    note += f" {lightning.__version__}, {platform.machine()}; {arguments.clock} clock, medians of"
    note += f" so many rounds of {arguments.steps} steps in turns, in so many processes one after the other."
    note += f" `python benchmarks/speed/step.py --data DIR --clock {arguments.clock} --threads 1 2 --write`"
    if arguments.write:
        threads = sorted({int(key[1]) for key in table if key[0] in NETWORKS})
        order = [(name, f"{n}", loop) for n in threads for name in NETWORKS for loop in ("plain", "floor", "zoo")]
        lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *(table[one] for one in order if one in table)]
        TABLE.write_text("\n".join(["# A training step beside a plain loop's", "", *lines, "", note, ""]), "utf-8")


if __name__ == "__main__":
    main()
