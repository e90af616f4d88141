"""What several test files need."""

import functools
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import in_browser
import numpy as np
import preloaded
import pytest
from file_server import Server

ROOT = Path(__file__).resolve().parents[1]

# The files that compute longest, the longest first: they begin first, so that no process is left alone with one of them
# when the others have nothing more to do.
LONGEST = (
    "attacks/test_attacks.py", "attacks/test_readers.py", "test_notebooks.py", "training/test_signals.py",
    "test_kills.py", "weights/export/test_onnx.py", "weights/export/test_export.py", "training/test_processes.py",
    "training/test_training.py", "sweeps/test_sweep.py", "comparison/test_compare.py", "test_examples.py",
    "evaluation/test_exact_counts.py", "test_cli.py", "models/test_conventions.py", "models/test_ledger.py",
    "weights/test_cards.py", "training/test_machines.py", "training/test_lent_configs.py", "data/paper/test_find.py",
    "training/test_own_networks.py", "training/test_values.py", "training/test_determinism.py",
    "weights/sources/test_assets.py", "benchmark/test_benchmark_verb.py", "weights/sources/test_foreign_state_dicts.py",
    "data/stream/test_s3.py", "training/test_wandb_online.py", "tours/test_tours.py",
    "training/test_wrong_checkpoints.py", "training/test_allocator.py", "test_wheel.py",
    "demo/test_page.py", "test_site.py", "test_pages.py", "commands/test_reproduce.py", "test_train_zoo.py",
    "test_entry_points.py", "data/photos/test_imagenet.py",
    "data/photos/test_photo_faults.py", "test_contributing.py", "test_other_systems.py",
)  # fmt: skip
# What is imported and collected stays to the end: nobody looks meanwhile whether some of it could go.
gc.disable()
preloaded.pass_over_descriptions()
# The networks here are small: threads of several processes on few cores would only wait for each other. torch, which
# has not been imported here, takes the number from the environment.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores: while a test waits for a process that it began, a core has nothing to do."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 1


def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """The processes that test are forks of one that has imported torch and Lightning, as are those that they start."""
    own = [spec for spec in specs if spec.popen and not spec.python]
    if own and sys.platform == "linux":
        python = preloaded.share()
        for spec in own:
            spec.python = python


def pytest_configure_node(node: Any) -> None:
    """Tells such a process of the interpreter, for processes that are to be no forks."""
    node.workerinput["executable"] = sys.executable


def pytest_configure(config: pytest.Config) -> None:
    """Hears of it there."""
    if hasattr(config, "workerinput"):
        sys.executable = config.workerinput["executable"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every change is tested without the slow ones, every week with them."""
    parser.addoption("--slow", action="store_true", help="run the tests that are marked slow, too")


def _with_slow(config: pytest.Config) -> bool:
    """Whether all slow tests are asked for: by name, with a word about them, or as those that failed last."""
    return config.getoption("slow") or config.getoption("lf", False) or "slow" in config.getoption("markexpr")


def _is_named(item: pytest.Item, named: list[tuple[str, str]]) -> bool:
    return any(item.path.name == file and item.nodeid.partition("::")[2].startswith(test) for file, test in named)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Says what is left out."""
    return None if _with_slow(config) else "slow tests are left out: --slow runs them, too"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is slow, unless it is asked for, and puts the files that compute longest before the others.

    pytest-xdist hands files out in this order.
    """
    if not _with_slow(config):
        # No two files of tests have one name.
        named = [(Path(file).name, test) for file, _, test in (asked.partition("::") for asked in config.args) if test]
        slow = [item for item in items if item.get_closest_marker("slow") and not _is_named(item, named)]
        if slow:
            items[:] = [item for item in items if item not in slow]
            config.hook.pytest_deselected(items=slow)
    place = {ROOT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Looks for what can go from here on, and only among what the tests make."""
    gc.freeze()
    gc.enable()
    # Each Trainer reads what all installed packages are, for callbacks of theirs: nothing is installed between tests.
    if connector := sys.modules.get("lightning.pytorch.trainer.connectors.callback_connector"):
        connector._load_external_callbacks = functools.cache(connector._load_external_callbacks)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Libraries that look for leaks at exit see what went; pytest itself has looked by now."""
    gc.unfreeze()


def slow_where(is_slow: Callable[[Any], bool], cases: Iterable[Any]) -> list[Any]:
    """The cases as parameters of a test; for those that ``is_slow`` says so the test is slow."""
    return [pytest.param(case, marks=[pytest.mark.slow] if is_slow(case) else []) for case in cases]


def linked(source: Path, folder: Path, without: str = "") -> Path:
    """``folder`` with links to the files of ``source``, so that a test can leave one out or replace it cheaply."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.name != without:
            (folder / file.name).symlink_to(file)
    return folder


def arrays_in(path: Path) -> dict:
    """The arrays of an .npz file, which is closed again."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def record_of(folder: Path) -> dict:
    """What the Record of a run says."""
    return json.loads((folder / "record.json").read_text())


@pytest.fixture
def seeded():
    """The same initial weights in every test."""
    import torch

    torch.manual_seed(0)


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """An empty working folder, free of what a launcher or an earlier run may have left in the environment."""
    monkeypatch.chdir(tmp_path)
    of_launchers = ("LOCAL_RANK", "NODE_RANK", "ZOO_RUN_DIR", "SLURM_NTASKS", "PL_GLOBAL_SEED")
    for name in (*of_launchers, "WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def zoo_process(tmp_path):
    """Runs ``python -m zoo WORDS`` in an empty folder, as a user would."""

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return preloaded.run("-m", "zoo", *words, cwd=tmp_path, check=check)

    return run


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The folder into which the wheel of this checkout is installed, to be first in PYTHONPATH; built once."""
    if shutil.which("uv") is None:
        pytest.skip("needs uv")
    wheels, place = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    built = subprocess.run(
        ["uv", "build", "--offline", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("needs hatchling in uv's cache")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    where = ["--python", sys.executable, "--target", str(place)]
    subprocess.run(["uv", "pip", "install", "--offline", "--quiet", "--no-deps", *where, str(wheel)], check=True)
    return place


@pytest.fixture
def server(monkeypatch):
    """A server of files on this machine."""
    # A proxy of the machine's must not be asked for 127.0.0.1.
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.gate.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    with in_browser.chromium() as started:
        yield started


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The script of the accessibility checker."""
    return in_browser.axe_core(tmp_path_factory.mktemp("axe"))
