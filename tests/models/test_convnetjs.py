"""The demo of ConvNetJS: its counts, its first weights, its learning rule and its six-view test."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from config_cases import built
from conftest import ROOT
from lightning.pytorch import Trainer
from torch import nn

import zoo
from zoo.cli import main
from zoo.data.base import InMemoryDataModule
from zoo.data.sampling import Draw
from zoo.data.transforms import CIFAR10 as TRANSFORMS
from zoo.evaluation.protocols import SIX_VIEWS, protocol
from zoo.evaluation.recorder import Recorder
from zoo.models import ConvNetJSModel
from zoo.optim import Cosine
from zoo.report.network import describe

pytestmark = pytest.mark.usefixtures("seeded")


class Small(InMemoryDataModule):
    """Coloured noise in CIFAR-10's shape: the class is the place of a bright square."""

    name = "small"

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__(batch_size, 10, 0, TRANSFORMS["convnetjs"])
        self.class_names = [str(n) for n in range(10)]

    def read(self):
        random, data = np.random.default_rng(0), {}
        for split, num in (("train", 70), ("test", 41)):
            labels = np.arange(num) % 10
            images = random.integers(0, 120, (num, 3, 32, 32), np.uint8)
            for image, label in zip(images, labels, strict=True):
                row, column = divmod(label, 4)
                image[:, 3 + 10 * row : 9 + 10 * row, 3 + 7 * column : 9 + 7 * column] += 120
            data[split] = (torch.from_numpy(images), torch.from_numpy(labels))
        return data


def trainer(tmp_path, **options) -> Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return Trainer(accelerator="cpu", enable_checkpointing=False, default_root_dir=tmp_path, **quiet | options)


def test_counts_layer_by_layer():
    found = describe("convnetjs")
    layers = {layer["name"]: layer for layer in found["layers"] if not layer["elementwise"]}
    assert {name: (x["output_shape"], x["parameters"], x["macs"]) for name, x in layers.items()} == {
        "conv1": ([16, 32, 32], 1_216, 1_228_800), "pool1": ([16, 16, 16], 0, 0),
        "conv2": ([20, 16, 16], 8_020, 2_048_000), "pool2": ([20, 8, 8], 0, 0),
        "conv3": ([20, 8, 8], 10_020, 640_000), "pool3": ([20, 4, 4], 0, 0),
        "fc": ([10], 3_210, 3_200),
    }  # fmt: skip
    assert (found["parameters"], found["macs"]) == (22_466, 3_920_000)


def test_the_network_is_the_chain_of_the_demo_written_out():
    network, images = zoo.get_model("convnetjs").double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    x = images
    for layer in (network.conv1, network.conv2, network.conv3):
        x = F.conv2d(F.pad(x, (2, 2, 2, 2)), layer.weight, layer.bias).clamp(min=0)
        x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(4, 5))
    expected = x.reshape(2, 320) @ network.fc.weight.T + network.fc.bias
    torch.testing.assert_close(network(images), expected, rtol=0, atol=1e-10)


def test_weights_start_with_variance_one_over_fan_in_and_relus_with_a_bias_of_a_tenth():
    network = zoo.get_model("convnetjs")
    for name, fan_in in (("conv1", 75), ("conv2", 400), ("conv3", 500), ("fc", 320)):
        layer = network.get_submodule(name)
        weight = layer.weight.detach().double()
        # Five standard errors of a standard deviation and of a mean.
        assert weight.std().item() * fan_in**0.5 == pytest.approx(1, abs=5 / (2 * weight.numel()) ** 0.5)
        assert abs(weight.mean().item()) * fan_in**0.5 < 5 / weight.numel() ** 0.5
        # A uniform distribution of that variance would end at 1.74 standard deviations.
        assert weight.abs().max().item() * fan_in**0.5 > 2.5
        assert layer.bias.tolist() == pytest.approx([0.0 if name == "fc" else 0.1] * len(layer.bias))


def test_other_forms_are_refused_and_other_numbers_of_classes_taken():
    assert zoo.get_model("convnetjs", num_classes=3)(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    with pytest.raises(ValueError, match="no variant 'modern': there is paper"):
        zoo.get_model("convnetjs", variant="modern")


def demo_steps(weights: np.ndarray, gradients: list[np.ndarray], decay: float, batch_size: int) -> np.ndarray:
    """The demo's trainer in float64: sums of ``batch_size`` gradients one after another, its L2, its Adadelta."""
    ro, eps = 0.95, 1e-8
    w, gsum, xsum = weights.copy(), np.zeros_like(weights), np.zeros_like(weights)
    for summed in gradients:
        for j in range(len(w)):
            g = (decay * w[j] + summed[j]) / batch_size
            gsum[j] = ro * gsum[j] + (1 - ro) * g * g
            dx = -math.sqrt((xsum[j] + eps) / (gsum[j] + eps)) * g
            xsum[j] = ro * xsum[j] + (1 - ro) * dx * dx
            w[j] += dx
    return w


@pytest.mark.parametrize("decay", [1e-4, 0.3])
def test_adadelta_with_the_mean_gradient_is_the_demos_rule_with_the_sum(decay):
    random = np.random.default_rng(0)
    start, sums = random.normal(size=12), [random.normal(size=12) * 10.0 ** -(n % 5) for n in range(60)]
    w = nn.Parameter(torch.from_numpy(start.copy()))
    default = ConvNetJSModel().configure_optimizers().param_groups[0]
    options = {key: default[key] for key in ("lr", "rho", "eps")}
    optimizer = torch.optim.Adadelta([w], **options, weight_decay=decay / 4)
    for summed in sums:
        w.grad = torch.from_numpy(summed / 4)
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), demo_steps(start, sums, decay, 4), rtol=0, atol=1e-10)


def test_one_step_of_the_model_is_one_step_of_the_demo_with_decay_on_weights_only(tmp_path):
    model, data = ConvNetJSModel().double(), Small()
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    images = images.double()
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    F.cross_entropy(model.network(images), labels, reduction="sum").backward()
    sums = {name: p.grad.numpy().copy() for name, p in model.network.named_parameters()}
    model.zero_grad()
    trainer(tmp_path, max_steps=1, precision="64-true", limit_val_batches=0).fit(model, data)
    for name, p in model.network.named_parameters():
        decay = 1e-4 if name.endswith("weight") else 0.0
        expected = demo_steps(before[name].numpy().ravel(), [sums[name].ravel()], decay, 4)
        assert not np.array_equal(expected, before[name].numpy().ravel())
        np.testing.assert_allclose(p.detach().numpy().ravel(), expected, rtol=0, atol=1e-10, err_msg=name)


def test_the_test_is_the_mean_of_six_views_whatever_the_batch_size(tmp_path):
    model, data = ConvNetJSModel().eval(), Small(41)
    data.setup()
    images, labels = next(iter(data.test_dataloader()))
    wrong, loss = 0, 0.0
    with torch.no_grad():
        for n in range(41):
            views = [
                model.network(view).double().softmax(dim=1)[0]
                for view in protocol(SIX_VIEWS).views(images[n : n + 1], (32, 32))
            ]
            probabilities = sum(views) / 6
            wrong += int(probabilities.argmax()) != int(labels[n])
            loss -= math.log(probabilities[labels[n]]) / 41
        single_view = F.cross_entropy(model.network(images), labels).item()
    assert abs(single_view - loss) > 1e-3  # else this test could not tell the protocols apart
    for batch_size in (1, 7, 41):
        (result,) = trainer(tmp_path).test(model, Small(batch_size), verbose=False)
        assert model.test_result["top1_wrong"] == wrong
        assert result["test/loss"] == pytest.approx(loss, rel=1e-5)


def test_the_record_names_the_protocol_and_validation_looks_once(tmp_path):
    data, model = Small(), ConvNetJSModel()
    recorder = Recorder(tmp_path / "record.json", {"data": {}, "model": {}, "trainer": {}, "seed_everything": 0})
    run = trainer(tmp_path, max_epochs=1, callbacks=[recorder])
    run.fit(model, data)
    run.test(model, data, verbose=False)
    assert json.loads((tmp_path / "record.json").read_text())["protocol"] == SIX_VIEWS
    images, labels = data.splits["val"][Draw(0, torch.arange(10))]
    (result,) = run.validate(model, data, verbose=False)
    expected = 100 * (model.network(images).argmax(dim=1) != labels).double().mean().item()
    assert result["val/top1_error"] == pytest.approx(expected)


def test_it_trains_with_deterministic_algorithms(tmp_path):
    ends = []
    for _ in range(2):
        torch.manual_seed(1)
        model = ConvNetJSModel()
        run = trainer(tmp_path, max_epochs=2, deterministic=True, limit_val_batches=0)
        run.fit(model, Small())
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.use_deterministic_algorithms(False)
    assert torch.equal(*ends)
    assert run.global_step == 2 * 15


def test_the_config_has_the_demos_rule_and_batch():
    data, model = built(ROOT / "configs" / "convnetjs_cifar10.yaml")
    assert isinstance(model.schedule, Cosine)
    model.schedule = None  # which needs a Trainer, to know how long it is
    groups = model.configure_optimizers().param_groups
    default = ConvNetJSModel().configure_optimizers().param_groups
    assert data.batch_size == 4
    assert data.transform is TRANSFORMS["convnetjs"]
    for group, other, decay in zip(groups, default, (1e-4 / 4, 0), strict=True):
        for settings in (group, other):
            assert [settings[key] for key in ("lr", "rho", "eps", "weight_decay")] == [1.0, 0.95, 1e-8, decay]


@pytest.mark.slow
def test_the_command_trains_and_measures_it_on_the_real_images(in_folder):
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "cifar-10-batches-bin").is_dir():
        pytest.skip("needs the real CIFAR-10: set ZOO_TEST_DATA to the folder that holds cifar-10-batches-bin")
    limits = ["--trainer.max_steps", "150", "--trainer.limit_val_batches", "1", "--trainer.limit_test_batches", "50"]
    words = ["--data.root", folder, "--run_dir", "run", "--trainer.enable_progress_bar", "false", *limits]
    assert main(["fit", "--config", "convnetjs_cifar10", *words]) == 0
    record = json.loads((in_folder / "run" / "record.json").read_text())
    assert (record["network"], record["protocol"], record["n"]) == ("convnetjs", SIX_VIEWS, 200)
    assert record["metrics"]["top1_error"] < 88
