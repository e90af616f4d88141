"""Worker processes and signals: they outlast one that the whole group gets, and not the process that they work for."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

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


@pytest.fixture
def script(tmp_path):
    """Starts the script in a process group of its own, of which nothing is left afterwards."""
    started = []

    def start(how):
        words = [sys.executable, "-c", SCRIPT, str(tmp_path / "photos"), how]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True))
        assert started[-1].stdout.readline() == "ready\n"
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_script_that_leaves_a_loader_open_exits(script):
    assert script("left").wait(timeout=60) == 0


def test_a_sigterm_and_a_sigusr1_to_the_whole_group_cost_no_batch_and_the_script_exits(script):
    process = script("signalled")
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        os.killpg(process.pid, signum)
    assert process.stdout.readline() == "25 of 25\n"
    assert process.wait(timeout=60) == 0
