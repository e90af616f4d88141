"""Eigenfaces and HOG with a linear SVM against scikit-learn and loops; every baseline through a whole run."""

import json
import math
import re
import sys

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from torch.utils.flop_counter import FlopCounterMode

import zoo
import zoo.data
from zoo.cli import main
from zoo.errors import InputError
from zoo.layers import HOG, PrincipalComponents
from zoo.models.hog_svm import support_vectors
from zoo.report.network import describe

NUM_TRAIN, NUM_TEST = 1437, 360
DIGITS = ["--data", "Digits", "--data.transform", "raw", "--data.num_held_out", "0"]
SMALL = ["--model.in_channels", "1", "--model.input_size", "8"]
STORED = {
    "nearest_neighbour": ["--model.num_images", "1437"],
    "eigenfaces": ["--model.num_images", "1437"],
    "hog_svm": [],
}
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]


@pytest.fixture(scope="module")
def digits():
    data = zoo.data.Digits(transform="raw")
    data.setup()
    return data.splits["train"], data.splits["test"]


def words_of(name):
    options = [*DIGITS, *SMALL, *STORED[name], *QUIET]
    return ["--config", f"{name}_cifar10", *options, *(["--model.cell_size", "2"] if name == "hog_svm" else [])]


@pytest.mark.parametrize("num_examples", [400, 40])  # more than pixels, and fewer: the paper's way
def test_components_are_scikit_learns(digits, num_examples):
    x = digits[0].images[:num_examples].flatten(1)
    layer = PrincipalComponents(64, 12)
    layer.fit(x)
    theirs = PCA(12, svd_solver="full").fit(x.double().numpy())
    signs = np.sign((theirs.components_ * layer.components.numpy()).sum(axis=1))
    np.testing.assert_allclose(layer.components.numpy(), signs[:, None] * theirs.components_, atol=2e-6)
    np.testing.assert_allclose(layer.mean.numpy(), theirs.mean_, rtol=1e-6)
    np.testing.assert_allclose(layer(x).numpy(), signs * theirs.transform(x.double().numpy()), atol=5e-3)
    assert (layer.components.gather(1, layer.components.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_eigenfaces_predict_what_scikit_learns_chain_predicts(digits):
    train, test = digits
    network = zoo.get_model("eigenfaces", in_channels=1, input_size=8, num_images=NUM_TRAIN, num_components=20, k=3)
    network.fit(train.images, train.labels)
    pixels, queries = (images.flatten(1).double().numpy() for images in (train.images, test.images))
    pca = PCA(20, svd_solver="full").fit(pixels)
    theirs = KNeighborsClassifier(3).fit(pca.transform(pixels), train.labels.numpy())
    assert network(test.images.float()).argmax(dim=1).tolist() == theirs.predict(pca.transform(queries)).tolist()


def loop_hog(image, cell, block, orientations):
    """The features of one image (C, S, S) in float64, pixel by pixel."""
    channels, size, _ = image.shape
    cells = size // cell
    histogram = np.zeros((cells, cells, orientations))
    for y in range(cells * cell):
        for x in range(cells * cell):
            slopes = [(0.0, 0.0)] * channels
            for c in range(channels):
                down = image[c, y + 1, x] - image[c, y - 1, x] if 0 < y < size - 1 else 0.0
                right = image[c, y, x + 1] - image[c, y, x - 1] if 0 < x < size - 1 else 0.0
                slopes[c] = (down, right)
            down, right = max(slopes, key=lambda slope: math.hypot(*slope))
            angle = math.degrees(math.atan2(down, right)) % 180
            histogram[y // cell, x // cell, int(angle // (180 / orientations)) % orientations] += math.hypot(
                down, right
            )
    histogram /= cell**2
    features = []
    for y in range(cells - block + 1):
        for x in range(cells - block + 1):
            part = histogram[y : y + block, x : x + block].flatten()
            part = np.minimum(part / math.sqrt((part**2).sum() + 1e-10), 0.2)
            features.extend(part / math.sqrt((part**2).sum() + 1e-10))
    return np.array(features)


@pytest.mark.parametrize(("channels", "size", "cell", "block"), [(3, 16, 4, 2), (1, 13, 3, 2), (3, 16, 8, 1)])
def test_hog_is_a_loop_over_pixels(channels, size, cell, block):
    # Odd numbers, so that no gradient lies on the border between two orientations.
    images = torch.rand(3, channels, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 255
    layer = HOG(size, cell, block, 9)
    found = layer(images)
    assert found.shape == (3, layer.num_features)
    expected = np.stack([loop_hog(image, cell, block, 9) for image in images.numpy()])
    # scikit-image sums histograms in float32.
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)
    assert layer(images[:0]).shape == (0, layer.num_features)


@pytest.mark.parametrize("classes", [range(10), (3, 8)])
def test_the_linear_layer_holds_the_machines(digits, classes):
    train, test = digits
    chosen = torch.isin(train.labels[:400], torch.tensor(classes))
    images, labels = train.images[:400][chosen], train.labels[:400][chosen]
    network = zoo.get_model("hog_svm", in_channels=1, input_size=8, cell_size=2)
    network.fit(images, labels, 0.1)
    machine = LinearSVC(C=0.1, dual=False).fit(network.hog(images.float()).numpy(), labels.numpy())
    queries = test.images.float()
    theirs = torch.from_numpy(machine.decision_function(network.hog(queries).numpy()))
    if len(classes) == 2:
        theirs = torch.stack([-theirs, theirs], dim=1)
    found = network(queries)
    torch.testing.assert_close(found[:, list(classes)].double(), theirs, rtol=0, atol=1e-4)
    assert (found[:, [c for c in range(10) if c not in classes]] == -1).all()
    names = machine.classes_[theirs.argmax(dim=1).numpy()]
    assert found[:, list(classes)].argmax(dim=1).tolist() == [list(classes).index(name) for name in names]


def test_machines_need_two_classes():
    with pytest.raises(InputError, match="two classes, but all are of class 4"):
        support_vectors(np.ones((3, 2)), np.full(3, 4), 10, 1.0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of each baseline on Digits, in a folder of its own."""
    folder = tmp_path_factory.mktemp("runs")
    for name in STORED:
        assert main(["fit", *words_of(name), "--run_dir", str(folder / name)]) == 0
    return folder


# Of 360 digits; by chance 324 are wrong.
@pytest.mark.parametrize(("name", "at_most"), [("nearest_neighbour", 8), ("eigenfaces", 8), ("hog_svm", 40)])
def test_a_run_is_measured_on_the_whole_test_set_and_loads_again(runs, digits, name, at_most):
    record = json.loads((runs / name / "record.json").read_text())
    assert (record["network"], record["n"], record["timing"]["train_images"]) == (name, NUM_TEST, NUM_TRAIN)
    network, test = zoo.load(runs / name), digits[1]
    wrong = (network(test.images.float()).argmax(dim=1) != test.labels).sum()
    assert wrong == record["metrics"]["top1_wrong"] <= at_most
    assert record["metrics"]["top5_wrong"] < record["metrics"]["top1_wrong"]
    assert record["parameters"] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", STORED)
def test_a_run_tests_again_to_the_same_numbers_and_predicts(runs, name, in_folder):
    assert main(["test", "--ckpt_path", str(runs / name), "--run_dir", "again", *QUIET[:2]]) == 0
    first, again = (json.loads((path / "record.json").read_text()) for path in (runs / name, in_folder / "again"))
    assert (again["metrics"], again["weights"]) == (first["metrics"], first["weights"])
    assert main(["predict", "--ckpt_path", str(runs / name), "--run_dir", "csv", *QUIET[:2]]) == 0
    rows = [row.split(",") for row in (in_folder / "csv" / "predictions.csv").read_text().splitlines()[1:]]
    assert sum(row[1] != row[2] for row in rows) == first["metrics"]["top1_wrong"]


@pytest.mark.parametrize("name", ["nearest_neighbour", "eigenfaces"])
def test_neither_the_size_of_batches_nor_their_order_changes_a_prediction(runs, digits, name):
    options = {"in_channels": 1, "input_size": 8, "num_images": NUM_TRAIN}
    model = getattr(zoo.models, zoo.catalog.NETWORKS[name].model)(**options)
    fit_plainly(model, batch_size=100, seed=3)
    images = digits[1].images.float()
    assert torch.equal(model.network.eval()(images), zoo.load(runs / name)(images))


def fit_plainly(model, **options):
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, zoo.data.Digits(transform="raw", **options))
    return trainer


def test_the_held_out_slice_is_measured_after_the_fit():
    model = zoo.models.NearestNeighbourModel(in_channels=1, input_size=8, num_images=1237)
    trainer = fit_plainly(model, num_held_out=200)
    assert trainer.callback_metrics["val/top1_error"] < 5


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        (
            "nearest_neighbour",
            ["--model.num_images", "50000"],
            "stores 50,000 .* given 1,437: set model.num_images to 1437",
        ),
        ("nearest_neighbour", ["--data.transform", "lenet5", "--model.input_size", "32"], "set data.transform to raw"),
        ("nearest_neighbour", ["--trainer.limit_train_batches", "0.7"], "given 1,000"),
        ("nearest_neighbour", ["--model.metric", "l3"], "model.*metric"),
        ("nearest_neighbour", ["--model.k", "0"], "k must lie between 1 and the 1,437 stored examples, not be 0"),
        ("eigenfaces", ["--model.num_components", "65"], "num_components must lie between 1 and 64, .* not be 65"),
        ("eigenfaces", ["--trainer.max_epochs", "2"], "set trainer.max_epochs to 1"),
        ("hog_svm", ["--model.cell_size", "5"], "images of 8x8 have none with a cell_size of 5"),
        ("hog_svm", ["--model.c", "0"], "c must be above 0, not 0"),
        ("hog_svm", ["--trainer.max_steps", "1"], "has not seen all of its training images"),
    ],
)
def test_bad_input_is_one_sentence(name, words, sentence, in_folder, capsys):
    assert main(["fit", *words_of(name), *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("zoo: ")
    assert re.search(sentence, line), line
    assert not (in_folder / "runs").exists()


def test_several_processes_are_refused(monkeypatch):
    monkeypatch.setattr(Trainer, "world_size", 2)
    model = zoo.models.HOGSVMModel(in_channels=1, input_size=8, cell_size=2)
    with pytest.raises(InputError, match=r"hog_svm needs all training images at once: set trainer.devices to 1"):
        fit_plainly(model)


def test_raw_pixels_arrive_as_they_are_stored():
    from zoo.data.transforms import CIFAR10, DIGITS, MNIST

    pixels = torch.arange(256, dtype=torch.uint8)
    for channels, transforms in ((3, CIFAR10), (1, MNIST), (1, DIGITS)):
        images = pixels.view(1, 1, 16, 16).expand(2, channels, -1, -1)
        raw = transforms["raw"]
        assert torch.equal(raw.normalize(raw.place(images)), images.float())


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("nearest_neighbour", 50_000 * 3072, 50_000 * 3072),
        ("eigenfaces", 3072 + 30 * 3072 + 50_000 * 30, 30 * 3072 + 50_000 * 30),
        # 3x3 blocks of 4 cells of 9 orientations.
        ("hog_svm", 10 * 324 + 10, 10 * 324),
    ],
)
def test_info_counts_what_is_stored(name, parameters, macs):
    found = describe(name)
    assert (found["parameters"], found["macs"]) == (parameters, macs)


def test_squared_distances_multiply_each_stored_pixel_once():
    with torch.device("meta"):
        network = zoo.get_model("nearest_neighbour", metric="l2")
        images = torch.empty(1, *network.input_shape)
    with FlopCounterMode(display=False) as counter:
        network(images)
    assert counter.get_total_flops() == 2 * describe("nearest_neighbour")["macs"]


def test_without_scikit_image_one_sentence_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(InputError, match="pip install scikit-image"):
        zoo.get_model("hog_svm")(torch.zeros(1, 3, 32, 32))
