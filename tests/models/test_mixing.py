import pytest
import torch

from zoo.models import AlexNetModel, VGGModel
from zoo.models.mixing import cut_and_mixed, likeliest

LABELS = torch.arange(6)
# The value of every pixel of an image is its number.
IMAGES = LABELS.float()[:, None, None, None].expand(-1, 3, 20, 32).contiguous()


def test_targets_say_how_many_pixels_are_of_which_image():
    torch.manual_seed(0)
    shares = []
    for _ in range(50):
        images, targets = cut_and_mixed(IMAGES, LABELS, 10, 1.0)
        counted = torch.stack([(images == label).float().mean((1, 2, 3)) for label in range(10)], dim=1)
        torch.testing.assert_close(targets, counted)
        assert torch.equal(likeliest(targets), counted.argmax(1))
        shares.append(float(targets[0, 0]))
    assert max(shares) > 0.95
    assert min(shares) < 0.3


def test_a_share_of_the_steps_is_left_as_it_is():
    torch.manual_seed(2)
    untouched = sum(cut_and_mixed(IMAGES, LABELS, 10, 0.3)[0] is IMAGES for _ in range(1000))
    assert 640 < untouched < 760
    images, targets = cut_and_mixed(IMAGES, LABELS, 10, 0.0)
    assert images is IMAGES
    assert likeliest(targets) is LABELS


def test_a_seed_gives_the_same_mixture():
    torch.manual_seed(5)
    first = cut_and_mixed(IMAGES, LABELS, 10, 1.0)
    torch.manual_seed(5)
    for one, other in zip(first, cut_and_mixed(IMAGES, LABELS, 10, 1.0), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("model", [AlexNetModel, VGGModel])
def test_no_probability_is_refused(model, probability):
    with torch.device("meta"), pytest.raises(ValueError, match="cutmix must be a probability from 0 to 1"):
        model(cutmix=probability)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_of_a_mixed_step_is_shared_by_area(monkeypatch, dtype):
    model = AlexNetModel("cifar", label_smoothing=0.1, cutmix=1.0).eval().to(dtype)
    model._trainer = type("Trainer", (), {"world_size": 1})()
    monkeypatch.setattr(model, "_log_step", lambda losses: None)
    images, labels = torch.randn(6, 3, 32, 32, dtype=dtype), torch.arange(6)
    torch.manual_seed(3)
    loss = model.training_step((images, labels), 0)
    torch.manual_seed(3)
    mixed, targets = cut_and_mixed(images, labels, 10, 1.0)
    assert 0 < float(targets[0, 0]) < 1
    smoothed = 0.9 * targets + 0.01
    logits = model(mixed).float()
    expected = -(smoothed * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(loss.float(), expected, rtol=0.02 if dtype == torch.bfloat16 else 1e-5, atol=0)
    wrong = int((logits.argmax(1) != targets.argmax(1)).sum())
    assert model.train_counts.compute()["top1_error"] == pytest.approx(100 * wrong / 6)
