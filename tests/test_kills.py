"""benchmarks/faults/kills.py, its short form: one kill of each of some kinds."""

import json
from pathlib import Path

import preloaded
import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="forks, and looks into /proc")


@pytest.mark.slow  # training/test_signals.py kills a run with every change
def test_after_a_kill_everything_is_as_if_nothing_had_happened(tmp_path):
    kinds = ["before the first checkpoint", "in the writing of a checkpoint", "two processes"]
    script = ROOT / "benchmarks" / "faults" / "kills.py"
    done = preloaded.run(script, "--kills", "3", "--output", tmp_path / "kills.json", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "kills.json").read_text())
    assert [kill["kind"] for kill in kills] == kinds
    assert all(all(kill["same"].values()) for kill in kills)
    assert f"last.ckpt: identical in {len(kinds)} of {len(kinds)}" in done.stdout
