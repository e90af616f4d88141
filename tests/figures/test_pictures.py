"""Each kind of picture, drawn of digits that need no download: what it says of itself, and bad words."""

import pytest
import torch
from PIL import Image

import zoo
from zoo import figures
from zoo.cli import main
from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.examples import sample, seen

FEW = {"count": 40}
CASES = {
    "feature_maps": {}, "deconv": {**FEW, "units": [0, 3]}, "saliency": {"count": 2}, "grad_cam": {"count": 2},
    "tsne": FEW, "retrieval": FEW, "top5": {"count": 3}, "rbf": {}, "filters": {},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_picture_names_its_weights_and_counts_its_images(name):
    figure = getattr(figures, name)("lenet5/digits", **CASES[name])
    caption = figure.get_supxlabel()
    assert "n = " in caption
    assert "lenet5/digits" in figure.get_suptitle() + caption
    assert "lenet5/digits" in figure.get_label()
    figure.draw_without_rendering()


def test_the_images_are_what_the_network_is_tested_on():
    weights = zoo.get_weights("lenet5/digits")
    module = weights.data_module()
    module.setup("test")
    images, labels = next(iter(module.test_dataloader()))
    shown = seen(weights, sample(weights, None, 0))
    assert len(shown.labels) == 360
    # The same images in another order.
    for image, label in zip(images[:5], labels[:5], strict=True):
        place = int((shown.inputs == image).flatten(1).all(dim=1).nonzero()[0])
        assert int(shown.labels[place]) == int(label)
    other = sample(weights, 10, 1).labels
    assert not torch.equal(other, sample(weights, 10, 0).labels)
    assert torch.equal(sample(weights, 10, 0).images, sample(weights, 20, 0).images[:10])


def test_bars_are_the_probabilities_of_the_network(tmp_path):
    Image.new("L", (8, 8), 90).save(tmp_path / "grey.png")
    path = tmp_path / "grey.png"
    figure = figures.top5("lenet5/digits", images=[str(path)])
    with torch.no_grad():
        chances = zoo.load("lenet5/digits").eval()(zoo.get_weights("lenet5/digits").transforms()(path)[None]).softmax(1)
    best = chances[0].topk(5)
    assert [bar.get_width() for bar in figure.axes[1].patches] == pytest.approx((100 * best.values).tolist(), abs=1e-3)
    assert [text.get_text() for text in figure.axes[1].texts] == [str(digit) for digit in best.indices.tolist()]


def test_photographs_are_given_by_name():
    with pytest.raises(InputError, match="of torchvision/alexnet are files: name some, or a folder of them, with --i"):
        sample(zoo.get_weights("torchvision/alexnet"), 3)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tsne", "pixels"], "name weights as well"),
        (["tsne", "lenet5/digits", "--count", "5"], "at least 15 images, not 5"),
        (["retrieval", "lenet5/digits", "--count", "0"], "at least eleven images, not 0"),
        (["retrieval", "lenet5/digits", "lenet5/mnist", "--count", "20"], "lenet5/mnist is for MNIST, not for Digits"),
        (["saliency", "lenet5/digits", "--count", "0"], "at least one image, not of 0"),
        (["tsne", "lenet5/digits", "--seed", "-1"], "--seed is a whole number from 0 to 4294967295, not -1."),
        (["saliency", "lenet5/mnist", "--data.root", "nowhere"], "No MNIST"),
        (["saliency", "lenet5/digits", "--images", "nothing.png"], "There is no file or folder nothing.png"),
        (["saliency", "lenet5/digits", "--layer", "c1"], "The figure saliency has no --layer: it takes --images"),
        (["grad-cam", "lenet5/digits", "--layer", "f6"], "has no layer 'f6' with maps"),
        (["grad-cam", "linear/mnist", "--data.root", "nowhere"], "linear paper has no convolutions"),
        (["deconv", "lenet5/digits", "--layer", "c9"], "lenet5/digits has no layer 'c9': there is c1"),
        (["deconv", "lenet5/digits", "--units", "99", "--count", "20"], "has no unit 99: they are 0 to 15."),
        (["arithmetic", "linear"], "linear paper has no maps: each of its units sees the whole image."),
        (["arithmetic", "lenet"], "did you mean lenet5"),
        (["arithmetic", "lenet5", "vgg16"], "is of 0 or 1 NETWORK, not of 2"),
    ],
)
def test_bad_words_are_one_sentence_and_leave_no_file(words, sentence, in_folder, capsys):
    assert main(["figure", *words, "--output", "f.png"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(in_folder.iterdir())


def test_a_caption_stays_within_a_narrow_figure():
    lines = [
        "n = 2,000 (2,000 of 10,000 test images, drawn with seed 0); left of the line the image, right the nearest one",
        "short",
    ]
    figure = style.describe(style.new(5, 5), "", "\n".join(lines), "")
    figure.draw_without_rendering()
    caption = figure._supxlabel
    assert 0 <= caption.get_window_extent().x0 < caption.get_window_extent().x1 <= figure.bbox.width
    assert caption.get_text().replace("\n", " ") == " ".join(lines)
    # What fits stays as it was.
    assert caption.get_text().endswith("\nshort")
