import hashlib
import json
import math
import subprocess
from dataclasses import replace

import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file
from torch import nn

from zoo.evaluation.digest import weights_digest
from zoo.evaluation.recorder import check_count
from zoo.results.provenance import environment, git_state
from zoo.results.record import Record, finite

RECORD = Record(
    network="linear", variant="paper", parameters=30_730,
    dataset={
        "name": "cifar10", "fingerprint": f"sha256:{'0' * 64}", "split": "test", "num_images": 10_000,
        "num_classes": 10,
    },
    protocol="single view", n=10_000,
    metrics={"top1_error": 60.5, "top1_wrong": 6050, "top5_error": 15.0, "top5_wrong": 1500, "loss": None}, seed=0,
    timing={"train_seconds": 1.5, "train_images": 10, "train_epochs": 1, "test_seconds": 0.5},
    weights={"sha256": "0" * 64}, config={"data": {}, "model": {}, "trainer": {}}, git=None,
    environment={"python": "3.11", "platform": "Linux", "device": "cpu", "packages": {"torch": "2.15.0"}},
    created="2026-01-31T12:00:00+00:00",
)  # fmt: skip


def test_a_record_comes_back_as_it_was_written(tmp_path):
    RECORD.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_record_that_json_cannot_hold_leaves_no_file(tmp_path):
    broken = Record(**{**RECORD.__dict__, "metrics": {"loss": math.nan}})
    with pytest.raises(ValueError, match="JSON"):
        broken.write(tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"n": 20_000}, "20000"), ({"seed": "zero"}, "seed"), ({"metrics": RECORD.metrics | {"top1_wrong": 1}}, "top1")],
)
def test_a_record_that_could_not_be_read_again_is_not_written(tmp_path, change, problem):
    with pytest.raises(ValueError, match=rf"record\.json would not be a record: .*{problem}"):
        replace(RECORD, **change).write(tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"n": None}, {"extra": 1}])
def test_a_record_with_a_field_missing_or_unknown_is_refused_with_its_path(tmp_path, change):
    content = RECORD.__dict__ | change
    content = {key: value for key, value in content.items() if value is not None or key in ("git",)}
    (tmp_path / "odd.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"odd\.json is not a record"):
        Record.read(tmp_path / "odd.json")


def test_a_loss_that_is_not_finite_is_written_as_null():
    assert finite(2.5) == 2.5
    assert finite(math.nan) is finite(math.inf) is None


@pytest.mark.parametrize(("n", "steps"), [(10_000, 100), (200, 2)])
def test_a_complete_count_passes(n, steps):
    check_count(n, 10_000, 100, steps)


@pytest.mark.parametrize(("n", "steps"), [(9_999, 100), (10_001, 100), (10_000, 99), (201, 2)])
def test_a_missing_or_doubled_image_fails(n, steps):
    with pytest.raises(RuntimeError, match="images were scored instead of"):
        check_count(n, 10_000, 100, steps)


def test_the_digest_of_the_weights_is_that_of_their_safetensors_file(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    assert weights_digest(network) == hashlib.sha256((tmp_path / "weights.safetensors").read_bytes()).hexdigest()
    before = weights_digest(network)
    with torch.no_grad():
        network[0].bias[0] += 1
    assert weights_digest(network) != before


def test_the_commit_is_that_of_this_checkout_only(tmp_path):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if head.returncode == 0:
        assert git_state()["commit"] == head.stdout.strip()
    assert git_state(tmp_path / "env" / "site-packages" / "zoo") is None


def test_the_environment_names_device_and_versions():
    found = environment("cpu")
    assert found["device"] == "cpu"
    assert found["packages"]["torch"] == torch.__version__.split("+")[0]


def test_new_records_and_weights_leave_a_checkout_clean_and_changed_code_does_not(tmp_path):
    package = tmp_path / "src" / "zoo"
    package.mkdir(parents=True)
    (package / "code.py").write_text("1\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    for name in ("benchmarks/results/a.json", "benchmarks/tables/a.md", "src/zoo/weights/shipped/a/b.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}")
    assert git_state(package)["dirty"] is False
    (package / "new.py").write_text("2\n")
    assert git_state(package)["dirty"] is True
