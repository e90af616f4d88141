"""The handwritten digits: scikit-learn's 1,797, and MNIST from IDX files of the official size that the tests write."""

import gzip
import hashlib
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import linked
from lightning.pytorch import Trainer
from sklearn.datasets import load_digits

from zoo.data import MNIST, Digits
from zoo.data.idx import SHAPES
from zoo.data.sampling import Draw
from zoo.errors import InputError
from zoo.models import LeNet5Model

LABELS = "train-labels-idx1-ubyte"
TEST_LABELS = "1029ce8c4138be86e0b62db93a2cf134b6c352d9c8672dde020603bf8ecb46bb"
FINGERPRINT = "sha256:51a2e67013355661fc9c324e26f90f1925b2b882af0fc7df33f42bea7af6da32"


def digits(**options) -> Digits:
    data = Digits(**options)
    data.setup()
    return data


def test_digits_are_1437_and_360_images_of_32_by_32_float32():
    data = digits(batch_size=100)
    train, test = list(data.train_dataloader()), list(data.test_dataloader())
    for batches, num in ((train, 1437), (test, 360)):
        images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        assert (images.shape, images.dtype) == ((num, 1, 32, 32), torch.float32)
        assert (labels.shape, labels.dtype) == ((num,), torch.int64)
    assert data.class_names == list("0123456789")
    assert data.num_classes == 10


def test_each_slice_of_digits_has_every_class_in_proportion():
    data = digits(num_held_out=144)
    shares = torch.bincount(torch.from_numpy(load_digits().target)) / 1797
    for name, num in (("train", 1293), ("val", 144), ("test", 360)):
        counts = torch.bincount(data.splits[name].labels)
        assert int(counts.sum()) == num
        assert (counts - shares * num).abs().max() <= 1


def test_no_image_of_digits_is_in_two_slices():
    data = digits(num_held_out=144)
    images = torch.cat([data.splits[name].images.flatten(1) for name in ("train", "val", "test")])
    # 1,797 images without a double: scikit-learn's digits are all different.
    assert len(torch.unique(images, dim=0)) == len(images) == 1797


def test_the_test_set_of_digits_is_frozen():
    labels = digits().splits["test"].labels
    assert hashlib.sha256(bytes(labels.tolist())).hexdigest() == TEST_LABELS
    # The fingerprint is over train and test apart, so it moves with any image that changes sides.
    assert digits(seed=5).fingerprint == digits(num_held_out=9).fingerprint == FINGERPRINT


def test_digits_are_scaled_to_lenets_range_and_centred():
    images, _ = digits().splits["test"][Draw(0, torch.arange(360))]
    # Section II.B: background -0.1, ink 1.175.
    assert images.min().item() == pytest.approx(-0.1, abs=1e-6)
    assert images.max().item() == pytest.approx(1.175, abs=1e-6)
    border = images.clone()
    border[:, :, 6:26, 6:26] = -0.1
    torch.testing.assert_close(border, torch.full_like(border, -0.1))


def test_a_second_setup_reads_nothing_again():
    data = digits()
    before = data.splits["train"]
    data.setup()
    assert data.splits["train"] is before


@pytest.mark.parametrize("num", [-1, 1437, 5000])
def test_holding_out_more_than_there_is_is_refused(num):
    with pytest.raises(InputError, match=rf"num_held_out is {num}, but digits has 1437"):
        digits(num_held_out=num)


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(InputError, match="batch_size must be at least 1 and at most 1,000,000, not 0"):
        Digits(batch_size=0)


def trainer() -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return Trainer(max_epochs=1, logger=False, accelerator="cpu", **quiet)


@pytest.fixture
def one_thread():
    """Threads of torch that wait for each other on a busy machine make small networks ten times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("num_held_out", [0, 144])
def test_a_plain_trainer_fits_and_tests_on_digits(num_held_out):
    data, model, plain = Digits(num_held_out=num_held_out), LeNet5Model("modern"), trainer()
    plain.fit(model, datamodule=data)
    assert plain.global_step == -(-(1437 - num_held_out) // 32)
    assert ("val/top1_error" in plain.callback_metrics) == (num_held_out > 0)
    (metrics,) = plain.test(model, datamodule=data, verbose=False)
    # Exact counts: a percentage of 360 images is a whole number of them.
    assert metrics["test/top1_error"] * 3.6 == pytest.approx(round(metrics["test/top1_error"] * 3.6))


def test_validating_without_a_held_out_slice_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="num_held_out is 0, so there is no slice of digits to validate on"):
        trainer().validate(LeNet5Model("modern"), datamodule=Digits())


def test_digits_survive_pickling_as_spawned_processes_need_it():
    data = digits()
    again = pickle.loads(pickle.dumps(data))
    draw = Draw(0, torch.arange(5))
    assert torch.equal(again.splits["train"][draw][0], data.splits["train"][draw][0])


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """MNIST's four files at their official sizes: labels 0..9 in turn; image n is n mod 251, but a corner of 255."""
    folder = tmp_path_factory.mktemp("mnist")
    for name, shape in SHAPES.items():
        numbers = np.arange(shape[0])
        if len(shape) == 1:
            values = numbers % 10
        else:
            values = np.broadcast_to((numbers % 251)[:, None, None], shape).copy()
            values[:, 0, 0] = 255
        (folder / name).write_bytes(idx(values.astype(np.uint8)))
    yield folder
    shutil.rmtree(folder)


def idx(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


@pytest.mark.parametrize("place", ["", "MNIST/raw", "mnist"])
def test_mnist_is_read_from_each_place(mnist, tmp_path, place):
    linked(mnist, tmp_path / place)
    splits = MNIST(str(tmp_path)).read()
    for name, num in (("train", 60_000), ("test", 10_000)):
        images, labels = splits[name]
        assert (images.shape, images.dtype) == ((num, 1, 28, 28), torch.uint8)
        assert torch.equal(images[:, 0, 14, 14].long(), torch.arange(num) % 251)
        assert torch.equal(labels, torch.arange(num) % 10)


def test_packed_files_give_the_same_tensors(mnist, tmp_path):
    for file in mnist.iterdir():
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), compresslevel=1))
    plain, packed = MNIST(str(mnist)).read(), MNIST(str(tmp_path)).read()
    assert all(torch.equal(a, b) for name in plain for a, b in zip(plain[name], packed[name], strict=True))


@pytest.mark.parametrize(("transform", "size", "corner"), [("lenet5", 32, 2), ("standard", 28, 0)])
def test_a_batch_of_mnist_is_placed_and_scaled(mnist, transform, size, corner):
    data = MNIST(str(mnist), transform=transform, num_held_out=5000)
    data.setup()
    images, labels = next(iter(data.test_dataloader()))
    assert images.shape == (128, 1, size, size)
    assert labels.tolist() == [n % 10 for n in range(128)]
    background, ink = {"lenet5": (-0.1, 1.175), "standard": (-0.1307 / 0.3081, (1 - 0.1307) / 0.3081)}[transform]
    assert images[100, 0, corner, corner].item() == pytest.approx(ink, abs=1e-5)
    expected = background + 100 / 255 * (ink - background)
    assert images[100, 0, 14, 14].item() == pytest.approx(expected, abs=1e-5)
    assert torch.bincount(data.splits["val"].labels).tolist() == [500] * 10


def spoilt(mnist: Path, folder: Path, name: str, data: bytes, ending: str = "") -> MNIST:
    (linked(mnist, folder, without=name) / f"{name}{ending}").write_bytes(data)
    return MNIST(str(folder))


def short_labels() -> bytes:
    return idx(np.zeros(60_000, np.uint8))[:-1]


def swapped_header() -> bytes:
    return idx(np.zeros(60_000, np.uint8)).replace(bytes([0, 0, 8, 1]), bytes([0, 0, 9, 1]), 1)


def other_count() -> bytes:
    return idx(np.zeros(59_999, np.uint8)) + b"\0"


@pytest.mark.parametrize("data", [b"", short_labels(), short_labels() + b"\0\0", swapped_header(), other_count()])
def test_a_file_of_another_length_or_header_is_refused(mnist, tmp_path, data):
    with pytest.raises(InputError, match=rf"^{tmp_path}/{LABELS} is not the official MNIST file"):
        spoilt(mnist, tmp_path, LABELS, data).setup()


def test_a_label_above_nine_is_refused(mnist, tmp_path):
    data = idx(np.full(60_000, 11, np.uint8))
    with pytest.raises(InputError, match=rf"^{tmp_path}/{LABELS} holds the label 11"):
        spoilt(mnist, tmp_path, LABELS, data).setup()


PACKED = gzip.compress(idx(np.random.default_rng(0).integers(0, 10, 60_000, np.uint8)))


@pytest.mark.parametrize(
    "data",
    [b"", PACKED[:-9], b"not gzip at all", PACKED[:9000] + b"\xff" * 9000],
    ids=["empty", "truncated", "not gzip", "broken inside"],
)
def test_a_broken_packed_file_is_refused(mnist, tmp_path, data):
    with pytest.raises(InputError, match=rf"^{tmp_path}/{LABELS}.gz "):
        spoilt(mnist, tmp_path, LABELS, data, ".gz").setup()


@pytest.mark.parametrize("name", SHAPES)
def test_a_missing_file_is_named_together_with_the_way_out(mnist, tmp_path, name):
    data = MNIST(str(linked(mnist, tmp_path, without=name)))
    for call in (data.prepare_data, data.setup):
        with pytest.raises(InputError, match=rf"^No MNIST in {tmp_path} \({name} is missing\).*--data.download true"):
            call()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=f"^No MNIST in {tmp_path}/nowhere "):
        MNIST(str(tmp_path / "nowhere")).prepare_data()


def real_mnist() -> MNIST:
    root = os.environ.get("ZOO_TEST_DATA")
    if not root or not Path(root, "MNIST").is_dir():
        pytest.skip("needs the real MNIST: set ZOO_TEST_DATA to the folder that holds MNIST/raw")
    return MNIST(root)


def test_the_real_mnist_has_its_known_counts_and_range():
    splits = real_mnist().read()
    # Counts a class as the MNIST page's own files give them.
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(splits["train"][1]).tolist() == train
    assert torch.bincount(splits["test"][1]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = splits["train"][0].double() / 255
    assert (round(pixels.mean().item(), 4), round(pixels.std().item(), 4)) == (0.1307, 0.3081)
