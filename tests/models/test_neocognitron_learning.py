"""What the neocognitron learns from five digits without a teacher, and the digits themselves."""

import copy
import json

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

import zoo
from zoo.cli import main
from zoo.data import FiveDigits
from zoo.data.five_digits import DRAWINGS, bitmap
from zoo.errors import InputError
from zoo.evaluation.metrics import ErrorCounts, label_ranks
from zoo.models import NeocognitronModel
from zoo.models.neocognitron_model import COLUMNS, STEPS, reinforcement, representatives

QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def trained(epochs: int = 20, data: FiveDigits | None = None, **options) -> NeocognitronModel:
    """A model after ``epochs`` presentations of each digit, under torch's deterministic algorithms."""
    model = NeocognitronModel()
    torch.use_deterministic_algorithms(True)
    try:
        Trainer(max_epochs=epochs, accelerator="cpu", **QUIET, **options).fit(model, data or FiveDigits())
    finally:
        torch.use_deterministic_algorithms(False)
    return model


@pytest.fixture(scope="module")
def model() -> NeocognitronModel:
    return trained()


def shifted_digits() -> tuple[Tensor, Tensor]:
    """Every digit under every shift of up to two pixels."""
    data = FiveDigits()
    data.setup()
    batches = list(data.test_dataloader())
    return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])


def answers(model: NeocognitronModel, images: Tensor) -> Tensor:
    """The outputs of the 24 top cells, (N, 24)."""
    with torch.no_grad():
        return model.network[:6](images).flatten(1)


def unshifted() -> Tensor:
    return torch.stack([bitmap(drawing) for drawing in DRAWINGS]) / 255


def state(model: NeocognitronModel) -> dict[str, Tensor]:
    """What is learnt, without the names of the top cells."""
    return {name: value for name, value in model.network.state_dict().items() if not name.startswith("top_cells")}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_after_twenty_presentations_each_digit_has_one_top_cell_of_its_own(model):
    outputs = answers(model, unshifted())
    assert ((outputs > 0).sum(dim=1) == 1).all()
    cells = outputs.argmax(dim=1)
    assert len(set(cells.tolist())) == 5
    assert model.network.top_cells.names[cells].tolist() == [0, 1, 2, 3, 4]


def test_all_digits_shifted_by_one_pixel_are_recognised_and_nearly_all_shifted_by_two(model):
    images, labels = shifted_digits()
    with torch.no_grad():
        ranks = label_ranks(model.network(images), labels).view(5, 5, 5)
    assert (ranks[1:4, 1:4] == 0).all()
    assert (ranks > 0).sum() <= 2


def test_nothing_was_recognised_before_training():
    counts, (images, labels) = ErrorCounts(), shifted_digits()
    model = NeocognitronModel()
    logits = model(images)
    counts.update(logits, labels, model.losses(logits, labels))
    result = counts.compute()
    assert (result["top1_error"], result["top5_error"]) == (100, 100)
    assert result["loss"] == pytest.approx(torch.tensor(5.0).log().item())


def test_a_second_run_ends_with_the_same_weights_to_the_bit(model):
    torch.manual_seed(123)
    assert_same(model.network.state_dict(), trained().network.state_dict())


def test_other_shifts_are_other_weights():
    first, second = (state(trained(2, FiveDigits(seed=seed))) for seed in (0, 1))
    assert not torch.equal(first["us3.a"], second["us3.a"])


def test_labels_teach_nothing():
    class Misnamed(FiveDigits):
        def read(self):
            (images, labels), test = super().read().values()
            return {"train": (images, (labels + 1) % 5), "test": test}

    assert_same(state(trained(3)), state(trained(3, Misnamed())))


def test_a_batch_only_delivers_patterns_together():
    assert_same(state(trained(3)), state(trained(3, FiveDigits(batch_size=5))))


def test_one_presentation_adds_the_reinforcement_of_all_layers_from_the_state_before():
    # After two sweeps all layers have cells that compete.
    start, data = trained(2), FiveDigits(seed=5)
    model = copy.deepcopy(start)
    Trainer(max_steps=1, accelerator="cpu", **QUIET).fit(model, data)
    u, _ = next(iter(data.train_dataloader()))
    before, after = start.network, model.network
    with torch.no_grad():
        for layer in (1, 2, 3):
            cells, learnt = getattr(before, f"us{layer}"), getattr(after, f"us{layer}")
            outputs = cells(u)
            places = representatives(outputs[0], COLUMNS[layer - 1])
            a, b = reinforcement(cells, u, places, STEPS[layer - 1])
            assert torch.equal(learnt.a, cells.a + a)
            assert torch.equal(learnt.b, cells.b + b)
            winners = (places >= 0).tolist()
            assert any(winners)
            assert ((learnt.a != cells.a).flatten(1).any(dim=1)).tolist() == winners
            u = getattr(before, f"uc{layer}")(outputs)
    assert torch.equal(after.top_cells.answered[:, 0], before.top_cells.answered[:, 0] + u.flatten())


def test_several_processes_are_refused():
    model = NeocognitronModel()
    model._trainer = type("Pair", (), {"world_size": 2, "datamodule": None})()
    with pytest.raises(InputError, match=r"set trainer\.devices to 1"):
        model.setup("fit")


def test_the_test_set_holds_every_shift_once_and_loses_no_ink():
    images, labels = shifted_digits()
    ink = unshifted().flatten(1).sum(dim=1)
    assert torch.equal(images.flatten(1).sum(dim=1), ink[labels])
    assert len({image.numpy().tobytes() for image in images}) == 125
    assert torch.equal(images[60:65], unshifted())
    assert set(images.unique().tolist()) == {0.0, 1.0}
    # The last images are those shifted furthest to the bottom and the right.
    assert torch.equal(images[-5:, :, 2:, 2:], unshifted()[:, :, :-2, :-2])


def test_an_epoch_presents_each_digit_once_in_order_somewhere_within_reach():
    data = FiveDigits(reach=1)
    data.setup()
    loader, seen = data.train_dataloader(), set()
    for epoch in range(20):
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        assert [int(labels) for _, labels in batches] == [0, 1, 2, 3, 4]
        for digit, (images, _) in enumerate(batches):
            places = [
                (down, right)
                for down in (-1, 0, 1)
                for right in (-1, 0, 1)
                if torch.equal(images[0], unshifted()[digit].roll((down, right), dims=(1, 2)))
            ]
            assert len(places) == 1
            seen.update(places)
    assert len(seen) == 9


@pytest.mark.parametrize("name", ["reach", "test_reach"])
@pytest.mark.parametrize("value", [-1, 3])
def test_shifts_that_lose_ink_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is a shift of 0 to 2 pixels.* not {value}$"):
        FiveDigits(**{name: value})


def test_a_resumed_run_ends_with_the_weights_and_names_of_a_whole_one(in_folder, capsys):
    words = ["fit", "--config", "neocognitron", "--trainer.enable_progress_bar", "false", "--data.test_reach", "0"]
    assert main([*words, "--trainer.max_epochs", "4", "--run_dir", "whole"]) == 0
    assert main([*words, "--trainer.max_epochs", "2", "--run_dir", "part"]) == 0
    assert main([*words, "--trainer.max_epochs", "4", "--ckpt_path", "part", "--run_dir", "rest"]) == 0
    whole, rest = (json.loads((in_folder / name / "record.json").read_text()) for name in ("whole", "rest"))
    assert (whole["n"], whole["parameters"], whole["timing"]["train_steps"]) == (5, 29_472, 20)
    assert rest["weights"] == whole["weights"]
    assert torch.equal(zoo.load("whole").top_cells.answered, zoo.load("rest").top_cells.answered)
    assert main(["validate", "--ckpt_path", "whole"]) == 2
    assert "zoo test" in capsys.readouterr().err
