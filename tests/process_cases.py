"""Runs of two processes in which something goes wrong, forked after the imports: python process_cases.py CASE ...

The cases run side by side, each in a folder of its name, their processes as ``torchrun`` starts them. Prints JSON: for
each case what its two processes said on standard error and on standard output, and their exit statuses, null where one
had to be killed.
"""

import json
import os
import signal
import socket
import sys
import time
import traceback
import warnings
from datetime import timedelta
from pathlib import Path

import torch
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from resume_cases import Noise, StopAfter, small_model, stopped, train

from zoo.cli import main
from zoo.evaluation.loader_report import LoaderReport
from zoo.models.classifier import Classifier
from zoo.training import processes

LONGEST = 1500  # seconds; many times what all cases take where nothing else runs
BOUND = 9  # seconds, of one digit; processes on a busy machine may begin that far apart
FIT = [
    "fit", "--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
    "--trainer.accelerator", "cpu", "--trainer.devices", "2", "--run_dir", "run",
    "--trainer.strategy", "DDPStrategy", "--trainer.strategy.timeout", f"0:00:0{BOUND}",
]  # fmt: skip

# A network that has batch normalisation.
NORMALISED = [
    "fit", "--model", "resume_cases.SmallModel", "--data", "resume_cases.Noise", "--data.batch_size", "10",
    "--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false",
]  # fmt: skip


class Ten(Noise):
    """Ten images in steps of three: the last step of an epoch has one, and the first process none."""

    def __init__(self) -> None:
        super().__init__(0, 3)

    def read(self) -> dict:
        """The first ten of each split."""
        return {name: (images[:10], labels[:10]) for name, (images, labels) in super().read().items()}


def without_an_image(rank: int) -> int:
    """Goes on where an epoch lacks its last step alone, in which the first process has no image."""
    Path("two").mkdir(exist_ok=True)
    stopped(Path("two"), Ten(), small_model(), LoaderReport(), StopAfter(3), **_two())
    trainer = train(Path("two"), Ten(), small_model(), LoaderReport(), **_two())
    return 0 if trainer.global_step == 8 else 1


def _two() -> dict:
    return {"max_epochs": 2, "devices": 2, "strategy": DDPStrategy(timeout=timedelta(seconds=BOUND))}


def one_never_comes(rank: int) -> int:
    """Both are told to stop in the third step, in which the second process hangs."""

    def hang(model: Classifier) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2 * BOUND + 5 if rank else 0)

    _at_third_step(hang)
    return main(FIT)


def they_disagree(rank: int) -> int:
    """The second process begins a collective operation that the first one knows nothing of."""
    # Both answer, on a busy machine at very different times.
    processes.ANSWER = 60.0
    _at_third_step(lambda model: rank and model.trainer.strategy.broadcast("word", src=1))
    return main(FIT)


def without_the_other_machine(rank: int) -> int:
    """One process alone, told that there are two machines."""
    for name in ("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"):
        del os.environ[name]
    return 0 if rank else main([*FIT, "--trainer.devices", "1", "--trainer.num_nodes", "2"])


def batch_norm(rank: int) -> int:
    """In steps of ten images."""
    return main([*NORMALISED, "--trainer.devices", "2", "--run_dir", "run"])


def _at_third_step(do) -> None:
    step = Classifier.training_step

    def training_step(self, batch, batch_idx):
        if batch_idx == 2:
            do(self)
        return step(self, batch, batch_idx)

    Classifier.training_step = training_step


def side_by_side(names: list[str]) -> dict:
    """Forks two processes for each case and waits for them all, ``LONGEST`` seconds at most."""
    begun, children, found = time.monotonic(), {}, {}
    for name in names:
        Path(name).mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        found[name] = {"statuses": [None, None]}
        for rank in range(2):
            child = os.fork()
            if not child:
                _child(name, rank, port)
            children[child] = (name, rank)
    while children and time.monotonic() < begun + LONGEST:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            name, rank = children.pop(child)
            found[name]["statuses"][rank] = os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for name in names:
        for what in ("said", "told"):
            found[name][what] = [(Path(name) / f"{what}-{rank}").read_text() for rank in range(2)]
    return found


def _child(name: str, rank: int, port: int) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": name,
    }  # fmt: skip
    os.chdir(name)
    # Set when Lightning is imported, which was before.
    rank_zero_only.rank = rank
    status = 99
    with open(f"said-{rank}", "w") as said, open(f"told-{rank}", "w") as told:
        os.dup2(said.fileno(), 2)
        os.dup2(told.fileno(), 1)
        try:
            status = globals()[name](rank)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(json.dumps(side_by_side(sys.argv[1:])))
