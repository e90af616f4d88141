"""Runs of several processes, forked after the imports: python process_cases.py CASE ...

The cases run side by side, each in a folder of its name, their processes as ``torchrun`` starts them unless
``ENVIRONMENTS`` says otherwise. Prints JSON: for each case what its processes said on standard error and on standard
output, and their exit statuses, null where one had to be killed; ``before`` is the same of the processes of a job that
was started again.
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
from own_networks import write_module
from resume_cases import Noise, StopAfter, small_model, stopped, train

from zoo.cli import main
from zoo.evaluation.loader_report import LoaderReport
from zoo.models.classifier import Classifier
from zoo.training import processes

LONGEST = 1500  # seconds; many times what all cases take where nothing else runs
BOUND = 9  # seconds, of one digit; processes on a busy machine may begin that far apart
TRAIN = [
    "fit", "--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
    "--trainer.accelerator", "cpu", "--trainer.strategy", "DDPStrategy", "--trainer.strategy.timeout",
]  # fmt: skip
FIT = [*TRAIN, f"0:00:0{BOUND}", "--trainer.devices", "2", "--run_dir", "run"]
# A short run that is left to end, on whatever machine: its processes wait long for each other.
WHOLE = [*TRAIN, "1:00:00", "--data.batch_size", "64", "--trainer.limit_train_batches", "6"]
# A network that has batch normalisation.
NORMALISED = [
    "fit", "--model", "resume_cases.SmallModel", "--data", "resume_cases.Noise", "--data.batch_size", "10",
    "--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false",
]  # fmt: skip


# Networks of the user's own, by the modules of the working folder.
OWN = [
    "--data", "Digits", "--data.transform", "lenet5", "--data.num_held_out", "157", "--data.batch_size", "64",
    "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu",
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
    return main([*FIT, "--trainer.devices", "1", "--trainer.num_nodes", "2"])


def batch_norm(rank: int) -> int:
    """In steps of ten images."""
    return main([*NORMALISED, "--trainer.devices", "2", "--run_dir", "run"])


def own_module(rank: int) -> int:
    """An nn.Module of somebody's own: trained, trained in two parts, and measured again."""
    return _own("Plain", rank)


def own_lightning(rank: int) -> int:
    """A LightningModule, by its own loss, optimizer and schedule."""
    return _own("Lit", rank)


def own_by_hand(rank: int) -> int:
    """A LightningModule that steps its optimizer by hand."""
    return _own("ByHand", rank)


def own_unused(rank: int) -> int:
    """An nn.Module of which a layer has no part in the logits: as it is, told so, and with that layer frozen."""
    fit = _own_fit("Unused", rank)
    told = {"found": ["--trainer.strategy", "ddp_find_unused_parameters_true"], "frozen": ["--model.freeze", "spare"]}
    for name, words in told.items():
        if _as_typed([*fit, *words, "--trainer.max_epochs", "1", "--run_dir", f"../{name}"]):
            return 1
    return _as_typed([*fit, "--trainer.max_epochs", "1", "--run_dir", "../refused"])


def own_alone(rank: int) -> int:
    """The same networks on one process."""
    statuses = []
    for name in ("Plain", "Lit", "ByHand"):
        fit = [*_own_fit(name, rank, devices=1), "--trainer.max_epochs", "2", "--run_dir", f"../{name}"]
        statuses.append(_as_typed(fit))
        os.chdir("..")
    return max(statuses)


def _own(name: str, rank: int) -> int:
    fit, two = _own_fit(name, rank), ["--trainer.max_epochs", "2"]
    rest = ["--trainer.enable_progress_bar", "false", "--trust", "my_module"]
    return (
        _as_typed([*fit, *two, "--run_dir", "../whole"])
        or _as_typed([*fit, "--trainer.max_epochs", "1", "--test", "false", "--run_dir", "../part"])
        or _as_typed(["fit", "--resume", "../part", *two, "--test", "true", *rest])
        or _as_typed(["test", "--ckpt_path", "../whole", "--run_dir", "../again", *rest])
    )


def _own_fit(name: str, rank: int, devices: int = 2) -> list[str]:
    # Each process finds the module in a folder of its own, so that none waits for the other to write it.
    write_module(Path(f"of-{rank}"))
    os.chdir(f"of-{rank}")
    return ["fit", "--model", f"my_module.{name}", *OWN, "--trainer.devices", str(devices)]


def _as_typed(words: list[str]) -> int:
    """As the first command of a process."""
    os.environ.pop("ZOO_RUN_DIR", None)
    return main(words)


def _at_third_step(do) -> None:
    step = Classifier.training_step

    def training_step(self, batch, batch_idx):
        if batch_idx == 2:
            do(self)
        return step(self, batch, batch_idx)

    Classifier.training_step = training_step


def four(rank: int) -> int:
    """Four processes on one machine."""
    return main([*WHOLE, "--trainer.devices", "4", "--run_dir", "run"])


def two_by_two(rank: int) -> int:
    """Two processes on each of two machines."""
    return main([*WHOLE, "--trainer.devices", "2", "--trainer.num_nodes", "2", "--run_dir", "run"])


def two(rank: int) -> int:
    """Two processes on one machine."""
    return main([*WHOLE, "--trainer.devices", "2", "--run_dir", "run"])


def by_hand(rank: int) -> int:
    """One process on each of two machines, started by hand."""
    return main([*WHOLE, "--trainer.devices", "1", "--trainer.num_nodes", "2", "--run_dir", "run"])


def slurm(rank: int) -> int:
    """A task on each of two machines; in the third step SLURM sends the signal of the job's script."""
    # Of another program that was here before.
    Path("hpc_ckpt_1.ckpt").write_text("no checkpoint")
    if "SLURM_RESTART_COUNT" not in os.environ:
        _at_third_step(lambda model: os.kill(os.getpid(), signal.SIGUSR1))
    return main([*WHOLE, "--trainer.devices", "1", "--trainer.num_nodes", "2", "--resume", "run"])


def slurm_alone(rank: int) -> int:
    """A job of two tasks, of which nobody started more than one."""
    return main([*FIT, "--trainer.devices", "1", "--trainer.num_nodes", "2"])


def slurm_in_one_number(rank: int) -> int:
    """A job whose script said how many tasks there are, and not how many on each machine."""
    del os.environ["SLURM_NTASKS_PER_NODE"]
    return main([*FIT, "--trainer.devices", "2"])


def second_machine_alone(rank: int) -> int:
    """A machine that was not told where the first one is."""
    os.environ["NODE_RANK"] = "1"
    del os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]
    return main([*FIT, "--trainer.devices", "1", "--trainer.num_nodes", "2"])


def _of_torchrun(name: str, rank: int, num: int) -> dict[str, str]:
    local = 2 if name == "two_by_two" else num
    return {
        "RANK": str(rank), "LOCAL_RANK": str(rank % local), "GROUP_RANK": str(rank // local), "WORLD_SIZE": str(num),
        "LOCAL_WORLD_SIZE": str(local), "TORCHELASTIC_RUN_ID": name,
    }  # fmt: skip


def _of_hand(name: str, rank: int, num: int) -> dict[str, str]:
    return {"NODE_RANK": str(rank)}


def _of_slurm(name: str, rank: int, num: int) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": "1234567", "SLURM_JOB_NAME": name, "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_NNODES": "2", "SLURM_NODELIST": "localhost,other", "SLURM_PROCID": str(rank), "SLURM_LOCALID": "0",
        "SLURM_NODEID": str(rank),
    }  # fmt: skip


# How many processes the cases of not two have, and who starts them where torchrun does not.
ALONE = ("without_the_other_machine", "second_machine_alone", "slurm_alone", "slurm_in_one_number")
NUM = {"four": 4, "two_by_two": 4, "own_alone": 1} | dict.fromkeys(ALONE, 1)
ENVIRONMENTS = dict.fromkeys(("by_hand", *ALONE[:2]), _of_hand) | dict.fromkeys(("slurm", *ALONE[2:]), _of_slurm)


def side_by_side(names: list[str]) -> dict:
    """Forks the processes of each case and waits for them all, ``LONGEST`` seconds at most."""
    begun, children, found = time.monotonic(), {}, {}
    for name in names:
        Path(name).mkdir()
        found[name] = {"statuses": [None] * NUM.get(name, 2)}
        children |= _start(name)
    while children and time.monotonic() < begun + LONGEST:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            name, rank = children.pop(child)
            found[name]["statuses"][rank] = os.waitstatus_to_exitcode(status)
            requeued = name == "slurm" and set(found[name]["statuses"]) == {128 + signal.SIGUSR1}
            if requeued and "before" not in found[name]:
                # As the job's script has SLURM do.
                found[name]["before"] = found[name] | _words(name)
                found[name]["statuses"] = [None] * 2
                children |= _start(name, SLURM_RESTART_COUNT="1")
        time.sleep(0.05)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for name in names:
        found[name] |= _words(name)
    return found


def _start(name: str, **more: str) -> dict[int, tuple[str, int]]:
    """The processes of a case, by their ids."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children, num = {}, NUM.get(name, 2)
    for rank in range(num):
        child = os.fork()
        if not child:
            address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            _child(name, rank, address | ENVIRONMENTS.get(name, _of_torchrun)(name, rank, num) | more)
        children[child] = (name, rank)
    return children


def _words(name: str) -> dict[str, list[str]]:
    ranks = range(NUM.get(name, 2))
    return {what: [(Path(name) / f"{what}-{rank}").read_text() for rank in ranks] for what in ("said", "told")}


def _child(name: str, rank: int, environment: dict[str, str]) -> None:
    os.environ |= environment
    os.chdir(name)
    # Set when Lightning is imported, which was before; by hand it is known later.
    rank_zero_only.rank = 0 if "NODE_RANK" in environment else rank
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
