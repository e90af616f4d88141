"""benchmarks/faults/kills.py, its short form: one kill of each of three kinds."""

import json
from pathlib import Path

import preloaded
import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="forks, and looks into /proc")


def test_after_a_kill_everything_is_as_if_nothing_had_happened(tmp_path):
    script = ROOT / "benchmarks" / "faults" / "kills.py"
    done = preloaded.run(script, "--kills", "3", "--output", tmp_path / "kills.json", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "kills.json").read_text())
    assert [kill["kind"] for kill in kills] == [
        "before the first checkpoint", "in the writing of a checkpoint", "two processes",
    ]  # fmt: skip
    assert all(all(kill["same"].values()) for kill in kills)
    assert "last.ckpt: identical in 3 of 3" in done.stdout
