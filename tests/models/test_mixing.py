import pytest
import torch
from torchvision.transforms import v2

from zoo.models import AlexNetModel, VGGModel
from zoo.models.mixing import cut_and_mixed

LABELS = torch.arange(6)
# The value of every pixel of an image is its number.
IMAGES = LABELS.float()[:, None, None, None].expand(-1, 3, 20, 32).contiguous()


def test_labels_say_how_many_pixels_are_of_which_image():
    torch.manual_seed(0)
    shares = []
    for _ in range(50):
        images, labels, others, share = cut_and_mixed(IMAGES, LABELS, 1.0)
        for image, label, other in zip(images, labels.tolist(), others.tolist(), strict=True):
            assert (image == label).float().mean().item() == pytest.approx(share)
            assert (image == other).float().mean().item() == pytest.approx(1 - share if label != other else share)
        assert share >= 0.5
        shares.append(share)
    assert max(shares) > 0.95
    assert min(shares) < 0.6


def test_what_is_left_of_an_image_is_spread_as_torchvisions_cutmix_spreads_it():
    torch.manual_seed(1)
    images = LABELS.float()[:, None, None, None].expand(-1, 1, 200, 200)
    theirs = v2.CutMix(num_classes=6, alpha=1.0)
    reference = torch.stack([theirs(images, LABELS)[1].amax(1)[0] for _ in range(3000)])
    ours = torch.tensor([cut_and_mixed(images, LABELS, 1.0)[3] for _ in range(3000)])
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    torch.testing.assert_close(ours.quantile(quantiles), reference.quantile(quantiles), atol=0.02, rtol=0)


def test_a_share_of_the_steps_is_left_as_it_is():
    torch.manual_seed(2)
    untouched = sum(cut_and_mixed(IMAGES, LABELS, 0.3)[0] is IMAGES for _ in range(1000))
    assert 640 < untouched < 760
    images, labels, others, share = cut_and_mixed(IMAGES, LABELS, 0.0)
    assert images is IMAGES
    assert labels is others is LABELS
    assert share == 1


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("model", [AlexNetModel, VGGModel])
def test_no_probability_is_refused(model, probability):
    with pytest.raises(ValueError, match="cutmix must be a probability from 0 to 1"):
        model(cutmix=probability)


def test_the_loss_of_a_mixed_step_is_shared_by_area(monkeypatch):
    model = AlexNetModel("cifar", label_smoothing=0.1, cutmix=1.0).eval()
    trainer = type("Trainer", (), {"world_size": 1})()
    model._trainer = trainer
    monkeypatch.setattr(model, "_log_step", lambda losses: None)
    images, labels = torch.randn(6, 3, 32, 32), torch.arange(6)
    torch.manual_seed(3)
    loss = model.training_step((images, labels), 0)
    torch.manual_seed(3)
    mixed, larger, smaller, share = cut_and_mixed(images, labels, 1.0)
    target = 0.9 * (share * torch.eye(10)[larger] + (1 - share) * torch.eye(10)[smaller]) + 0.01
    torch.testing.assert_close(loss, -(target * model(mixed).log_softmax(1)).sum(1).mean())
    assert share < 1
