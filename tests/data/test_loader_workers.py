"""Worker processes and signals: they outlast one that the whole group gets, and not the process that they work for."""

import os
import signal
import time
from contextlib import suppress

import preloaded
import pytest

SCRIPT = """
import signal, sys, time
from zoo.data import SmokeImageNet

told = []
for signum in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(signum, lambda *ignored: told.append(ignored))
data = SmokeImageNet(sys.argv[1], num_workers=2)
data.prepare_data()
data.setup()
loader = data.train_dataloader()
batches = iter(loader)
next(batches)
print("ready", flush=True)
while sys.argv[2] == "signalled" and len(told) < 2:
    time.sleep(0.01)
if told:
    print(1 + sum(1 for _ in batches), "of", len(loader), flush=True)
    batches = iter(loader)
    next(batches)
# Workers are left with batches to make, and a name keeps them from being closed.
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Where the photos are, which the first script draws."""
    return tmp_path_factory.mktemp("smoke") / "photos"


@pytest.fixture
def script(photos):
    """Starts the script in a process group of its own, of which nothing is left afterwards."""
    started = []

    def start(how):
        started.append(preloaded.start("-c", SCRIPT, photos, how, new_session=True))
        while started[-1].said() != "ready\n":
            assert started[-1].poll() is None, started[-1].told()
            time.sleep(0.01)
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_script_that_leaves_a_loader_open_exits(script):
    assert script("left").wait(timeout=60) == 0


@pytest.mark.slow
def test_a_sigterm_and_a_sigusr1_to_the_whole_group_cost_no_batch_and_the_script_exits(script):
    process = script("signalled")
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        os.killpg(process.pid, signum)
    assert process.wait(timeout=60) == 0
    assert process.said() == "ready\n25 of 25\n"
