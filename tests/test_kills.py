"""benchmarks/faults/kills.py, its short form: one kill of each of three kinds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="forks, and looks into /proc")


def test_after_a_kill_everything_is_as_if_nothing_had_happened(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name not in ("LOCAL_RANK", "ZOO_RUN_DIR")}
    script = ROOT / "benchmarks" / "faults" / "kills.py"
    words = [sys.executable, str(script), "--kills", "3", "--output", str(tmp_path / "kills.json")]
    done = subprocess.run(words, env=kept, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "kills.json").read_text())
    assert [kill["kind"] for kill in kills] == [
        "before the first checkpoint", "in the writing of a checkpoint", "two processes",
    ]  # fmt: skip
    assert all(all(kill["same"].values()) for kill in kills)
    assert "last.ckpt: identical in 3 of 3" in done.stdout
