"""Measured in float32, whatever training computed with and whatever is set for the process."""

import pytest
import torch
from lightning.pytorch import Trainer

from zoo.cli import main
from zoo.data import Digits
from zoo.evaluation.precision import full_float32, multiplies_bfloat16
from zoo.models import LeNet5Model
from zoo.models.lenet5 import LeNet5


def settings() -> tuple[bool, str, bool]:
    """TF32 in convolutions, the precision of matrix products, autocast."""
    return torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision(), torch.is_autocast_enabled("cpu")


@pytest.fixture
def lowered(monkeypatch):
    """The settings seen by each forward pass, by whether it was one of training, while products are lowered."""
    seen: dict[bool, set] = {True: set(), False: set()}

    def forward(self, images):
        seen[self.training].add(settings())
        return plain(self, images)

    plain = LeNet5.forward
    monkeypatch.setattr(LeNet5, "forward", forward)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield seen
    assert settings() == (True, "medium", False)
    torch.set_float32_matmul_precision(before)


def test_a_test_is_in_float32_where_training_was_not(lowered):
    none = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    options = {"accelerator": "cpu"} | dict.fromkeys(none, False)
    trainer = Trainer(precision="bf16-mixed", max_steps=2, limit_val_batches=0, **options)
    model, data = LeNet5Model(), Digits(batch_size=256)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    assert lowered == {True: {(True, "medium", True)}, False: {(False, "highest", False)}}


def test_a_benchmark_is_in_float32(lowered, tmp_path):
    assert main(["benchmark", "lenet5/digits", "--output", str(tmp_path / "records")]) == 0
    assert lowered == {True: set(), False: {(False, "highest", False)}}


def test_what_a_user_has_set_apart_stays():
    convolutions, cpu = torch.backends.cudnn.conv, torch.device("cpu")
    try:
        convolutions.fp32_precision = "ieee"
        with full_float32(cpu):
            assert convolutions.fp32_precision == "ieee"
        assert convolutions.fp32_precision == "ieee"
    finally:
        torch.backends.cudnn.allow_tf32 = True


def test_it_is_undone_where_measuring_fails():
    before = settings()
    with pytest.raises(RuntimeError, match="broken"), full_float32(torch.device("cpu")):
        raise RuntimeError("broken")
    assert settings() == before


def test_a_torch_without_onednn_is_not_asked_for_bfloat16(monkeypatch):
    # As on Apple's processors, whose torch has no such operation at all.
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not multiplies_bfloat16()


@pytest.mark.parametrize(
    ("precision", "has_it", "said"),
    [("bf16-mixed", False, True), ("bf16-mixed", True, False), ("32-true", False, False)],
)
def test_a_training_says_where_the_processor_imitates_what_it_computes_in(
    precision, has_it, said, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr("zoo.training.verbs.multiplies_bfloat16", lambda: has_it)
    words = ["--trainer.precision", precision, "--trainer.accelerator", "cpu", "--trainer.max_steps", "1"]
    words += ["--test", "false", "--run_dir", str(tmp_path / "run")]
    assert main(["fit", "--config", "lenet5_digits", *words]) == 0
    assert ("precision is bf16-mixed, which this processor imitates" in capsys.readouterr().out) is said
