"""Several processes of one run: how long they wait for each other, who is named where one does not come.

And whether batch normalisation sees the images of all of them.
"""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment
from torch.distributed.constants import default_pg_timeout

from zoo.errors import InputError, Stopped
from zoo.evaluation.batch_norm import images_seen

# Longer than any step, validation batch or checkpoint takes; NCCL's own, where Lightning has half an hour for all.
LONGEST_WAIT = timedelta(minutes=10)
# Seconds in which processes that gave up waiting tell each other so: they began to wait at about the same time.
ANSWER = 5.0


def bound(trainer: Trainer) -> None:
    """No process waits for another for more than ``LONGEST_WAIT``, or the ``timeout`` that the strategy was given."""
    strategy: Any = trainer.strategy
    if getattr(strategy, "_timeout", None) == default_pg_timeout:
        strategy._timeout = LONGEST_WAIT


def settle_batch_norm(trainer: Trainer) -> None:
    """Leaves batch normalisation to each process where torch cannot synchronise it; it can on CUDA."""
    strategy: Any = trainer.strategy
    if strategy.root_device.type != "cuda" and hasattr(strategy, "_layer_sync"):
        strategy._layer_sync = None


def normalising_apart(trainer: Trainer, network: Any, batch_size: int) -> str:
    """What a batch normalisation will not see of a step; empty where it sees all images, or there is none."""
    num, device = trainer.world_size, trainer.strategy.root_device.type
    synchronized = getattr(trainer.strategy, "_layer_sync", None) is not None
    seen = images_seen(network, batch_size, num, synchronized)
    if seen in (None, batch_size):
        return ""
    reason = "trainer.sync_batchnorm is false" if device == "cuda" else f"torch cannot synchronise it on {device}"
    return (
        f"batch normalisation: each of {num} processes normalises its own share of {seen:g} of {batch_size} images,"
        f" because {reason}; that is another experiment than on one process"
    )


def leave_requeuing(trainer: Trainer) -> None:
    """Keeps Lightning from saving in the middle of anything when SLURM sends its signal.

    ``LastCheckpoint`` answers it between two steps, and the job's script has SLURM start the job again.
    """
    environment = trainer._accelerator_connector.cluster_environment
    if isinstance(environment, SLURMEnvironment):
        environment.auto_requeue = False


def meeting(trainer: Trainer) -> str:
    """What must start the processes that this one waits for; empty where it starts them all, or they are there.

    Raises InputError on a further machine that was not told where the first one is.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if isinstance(environment, SLURMEnvironment) and trainer.world_size > 1:
        return f"srun starts one for each of the {trainer.world_size} tasks of SLURM's job"
    # torchrun's processes have met before they begin.
    if trainer.num_nodes == 1 or not isinstance(environment, LightningEnvironment):
        return ""
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing and trainer.node_rank:
        raise InputError(
            f"NODE_RANK is {trainer.node_rank} without {' and '.join(missing)}: the machine with NODE_RANK 0 says at"
            " its start what they are."
        )
    address = os.environ.get("MASTER_ADDR", socket.gethostname())
    return (
        f"trainer.num_nodes is {trainer.num_nodes}: the same command on each machine, with NODE_RANK from 0 to"
        f" {trainer.num_nodes - 1}, MASTER_ADDR {address} and MASTER_PORT {environment.main_port}"
    )


@contextmanager
def named(trainer: Trainer, how_to_go_on: str) -> Iterator[None]:
    """Raises Stopped, with one sentence on which processes did not come, where this one waited for them in vain.

    Processes that this one launched end with it.
    """
    try:
        yield
    except RuntimeError as error:
        if not _of_waiting(error):
            raise
        rank, num = trainer.global_rank, trainer.world_size
        message = f"Process {rank} of {num} (counted from 0) {_what_happened(trainer)}"
        # Others may hang where no signal but this one reaches them.
        kill: Any = getattr(trainer.strategy.launcher, "kill", None)
        if kill is not None:
            kill(getattr(signal, "SIGKILL", signal.SIGTERM))  # which on Windows cannot be caught
        raise Stopped(f"{message} after step {trainer.global_step:,}; {how_to_go_on}", 1) from error


def _of_waiting(error: RuntimeError) -> bool:
    """Whether a collective operation failed; Gloo's errors have no class of their own."""
    names = ("gloo/transport", "monitoredBarrier")
    return isinstance(error, dist.DistError) or any(name in str(error) for name in names)


def _what_happened(trainer: Trainer) -> str:
    if not dist.is_initialized():
        where = meeting(trainer)
        return f"waited in vain for the others to begin{f' ({where})' if where else ''}"
    absent = _absent(trainer.global_rank, trainer.world_size)
    if not absent:
        return "and all others waited for each other, each at another place of the program,"
    return f"waited in vain for {'process' if len(absent) == 1 else 'processes'} {', '.join(map(str, absent))}"


def _absent(rank: int, num: int) -> list[int]:
    """The processes that do not say, within ``ANSWER`` seconds, that they waited as well.

    They say it in the store where they found each other, which works where the network between them does not.
    """
    others = [other for other in range(num) if other != rank]
    deadline = time.monotonic() + ANSWER
    try:
        store = dist.distributed_c10d._get_default_store()
        store.set(f"zoo/waited/{rank}", "")
        _wait_for(store, "waited", others, deadline)
        absent = [other for other in others if not store.check([f"zoo/waited/{other}"])]
        if rank:
            store.set(f"zoo/looked/{rank}", "")
        else:
            # The store is this process's and ends with it: the others look first.
            _wait_for(store, "looked", [other for other in others if other not in absent], deadline + ANSWER)
        return absent
    except dist.DistError:
        return [0]  # whose store it is


def _wait_for(store: dist.Store, what: str, ranks: list[int], deadline: float) -> None:
    """Until all of ``ranks`` have said it, or the deadline."""
    while ranks and not store.check([f"zoo/{what}/{rank}" for rank in ranks]) and time.monotonic() < deadline:
        time.sleep(0.1)
