"""CIFAR-10 in both official layouts, at the official size: reading, refusing, augmenting, holding out."""

import io
import os
import pickle
import shutil
import struct
import zipfile
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from conftest import linked

from zoo import keyed
from zoo.data import CIFAR10, cifar
from zoo.data.cifar10 import BATCHES
from zoo.data.sampling import Draw
from zoo.data.transforms import CIFAR10 as TRANSFORMS
from zoo.data.transforms import shifted_and_flipped
from zoo.errors import InputError

BIN, PY = "cifar-10-batches-bin", "cifar-10-batches-py"
read_binary = partial(cifar.read_binary, form=CIFAR10.form, num=10_000)
read_python = partial(cifar.read_python, form=CIFAR10.form, num=10_000)


def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Batch ``number``: 10,000 random images of uint8, shape (10000, 3072), with 1,000 random labels a class."""
    random = np.random.default_rng(number)
    return np.frombuffer(random.bytes(30_720_000), np.uint8).reshape(10_000, 3072), random.permutation(10_000) % 10


def as_binary(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()


class Python2Pickler(pickle._Pickler):
    """Writes bytes and text alike as Python 2's strings, as the official files hold them."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_string(self, value: bytes | str) -> None:
        data = value.encode("latin1") if isinstance(value, str) else value
        short = len(data) < 256
        opcode = pickle.SHORT_BINSTRING if short else pickle.BINSTRING
        self.write(opcode + struct.pack("<B" if short else "<i", len(data)) + data)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_string


def as_python2(content: object) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    # The name that NumPy's core had before version 2.
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def as_dictionary(pixels: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    """The official dictionary; the files' names are in it, and nobody reads them."""
    return {
        "data": pixels,
        "labels": labels.tolist(),
        "batch_label": "training batch 1 of 5",
        "filenames": [f"{n}.png" for n in range(len(labels))],
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with both layouts of the same random images."""
    folder = tmp_path_factory.mktemp("cifar10")
    (folder / BIN).mkdir()
    (folder / PY).mkdir()
    for number, name in enumerate(BATCHES):
        pixels, labels = batch(number)
        (folder / BIN / f"{name}.bin").write_bytes(as_binary(pixels, labels))
        (folder / PY / name).write_bytes(as_python2(as_dictionary(pixels, labels)))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data(root):
    data = CIFAR10(str(root), transform="crop_flip", batch_size=1000)
    data.setup()
    return data


def written(folder: Path, data: bytes) -> Path:
    (folder / "batch").write_bytes(data)
    return folder / "batch"


def test_both_layouts_give_the_pixels_and_labels_that_were_written(root):
    binary, python = CIFAR10(str(root / BIN)).read(), CIFAR10(str(root / PY)).read()
    for name, numbers in (("train", range(5)), ("test", [5])):
        pixels, labels = (np.concatenate(parts) for parts in zip(*map(batch, numbers), strict=True))
        for read in (binary, python):
            assert np.array_equal(read[name][0].flatten(1).numpy(), pixels)
            assert np.array_equal(read[name][1].numpy(), labels)
            assert read[name][0].shape[1:] == (3, 32, 32)
            assert (read[name][0].dtype, read[name][1].dtype) == (torch.uint8, torch.int64)


@pytest.mark.parametrize("layout", [BIN, PY])
def test_the_root_may_be_the_parent_or_the_folder_itself(root, tmp_path, layout):
    (tmp_path / layout).symlink_to(root / layout)
    for folder in (tmp_path, tmp_path / layout):
        files = CIFAR10(str(folder))._files()
        assert [file.stem for file in files] == list(BATCHES)
        CIFAR10(str(folder)).prepare_data()


PICKLES = {
    "python 2": as_python2,
    "python 2, columns first": lambda content: as_python2(content | {"data": np.asfortranarray(content["data"])}),
    "python 3, protocol 2": lambda content: pickle.dumps(content, protocol=2),
    "python 3, protocol 4": lambda content: pickle.dumps(content, protocol=4),
}


@pytest.mark.parametrize("form", PICKLES)
def test_each_form_of_pickle_gives_the_same_batch(tmp_path, form):
    path = written(tmp_path, PICKLES[form](as_dictionary(*batch(0))))
    for read, original in zip(read_python(path), batch(0), strict=True):
        assert np.array_equal(read, original)


@pytest.mark.parametrize("layout", [BIN, PY])
@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_3", "test_batch"])
def test_a_missing_batch_is_named_with_the_way_out(root, tmp_path, layout, name):
    ending = ".bin" if layout == BIN else ""
    linked(root / layout, tmp_path / layout, without=f"{name}{ending}")
    missing = f"of its six batches {layout}/{name}{ending} is missing"
    for call in (CIFAR10(str(tmp_path)).prepare_data, CIFAR10(str(tmp_path)).setup):
        with pytest.raises(InputError, match=rf"^No CIFAR-10 in {tmp_path} \({missing}\): add --data.download true"):
            call()


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_cifar10_is_named_with_the_way_out(tmp_path, name):
    with pytest.raises(InputError, match=rf"^No CIFAR-10 in {tmp_path / name} \(neither {BIN} nor {PY}\): add"):
        CIFAR10(str(tmp_path / name)).prepare_data()


def test_a_whole_layout_is_preferred_to_one_that_lacks_a_batch(root, tmp_path):
    linked(root / BIN, tmp_path / BIN, without="data_batch_2.bin")
    linked(root / PY, tmp_path / PY)
    assert {file.parent.name for file in CIFAR10(str(tmp_path))._files()} == {PY}
    CIFAR10(str(tmp_path)).prepare_data()


@pytest.mark.parametrize("change", [-1, 1, -30_730_000])
def test_a_binary_batch_of_another_length_is_refused(tmp_path, change):
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(bytes(30_730_000 + change))
    with pytest.raises(InputError, match=rf"^{path} has {30_730_000 + change:,} bytes instead of 30,730,000"):
        read_binary(path)


@pytest.mark.parametrize("label", [10, 255])
def test_a_label_above_nine_is_refused_in_a_binary_batch(tmp_path, label):
    pixels, labels = batch(0)
    labels[7] = label
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(as_binary(pixels, labels))
    with pytest.raises(InputError, match=rf"^{path} holds the label {label}, but CIFAR-10 has 10 classes"):
        read_binary(path)


@pytest.mark.parametrize("label", [10, 256, -1])
def test_a_label_outside_nought_to_nine_is_refused_in_a_python_batch(tmp_path, label):
    pixels, labels = batch(0)
    labels[7] = label
    with pytest.raises(InputError, match=rf"^{tmp_path}/batch holds the label {label}, but CIFAR-10 has 10 classes"):
        read_python(written(tmp_path, pickle.dumps(as_dictionary(pixels, labels))))


BROKEN_PICKLES = {
    "empty": lambda content: b"",
    "truncated in the array": lambda content: as_python2(content)[:1_000_000],
    "truncated before its end": lambda content: as_python2(content)[:-1],
    "no pickle": lambda content: b"\x93NUMPY" + bytes(1000),
    "other keys": lambda content: pickle.dumps({"pixels": content["data"], "labels": content["labels"]}),
    "a list": lambda content: pickle.dumps([1, 2, 3]),
    "too few images": lambda content: pickle.dumps(content | {"data": content["data"][:9999]}),
    "too few labels": lambda content: pickle.dumps(content | {"labels": content["labels"][:9999]}),
    "floats": lambda content: pickle.dumps(content | {"data": np.zeros((10_000, 3072), np.float16)}),
    "signed bytes": lambda content: pickle.dumps(content | {"data": content["data"].view(np.int8)}),
    "words for labels": lambda content: pickle.dumps(content | {"labels": ["cat"] * 10_000}),
    # The shape (10000, 3072) as it is pickled, made (10001, 3072).
    "fewer bytes than its shape": lambda content: as_python2(content).replace(
        b"M\x10'M\x00\x0c", b"M\x11'M\x00\x0c", 1
    ),
    "a reference to nothing": lambda content: b"\x80\x02h\x07.",
    "an impossible length": lambda content: b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x",
}


@pytest.mark.parametrize("kind", BROKEN_PICKLES)
def test_a_broken_python_batch_is_refused_in_one_sentence(tmp_path, kind):
    path = written(tmp_path, BROKEN_PICKLES[kind](as_dictionary(*batch(0))))
    with pytest.raises(InputError) as caught:
        read_python(path)
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert message.endswith("delete it and add --data.download true to fetch it again.")
    assert "\n" not in message


class Bomb:
    """Runs a shell command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Stateful:
    """An instance of a class of one's own, as a careless script may have pickled it."""


def forged_array() -> bytes:
    # numpy.ndarray((1,), "O", 8 bytes): an object wherever those bytes point to.
    call = b"cnumpy\nndarray\n(K\x01\x85U\x01OU\x08AAAAAAAAtR"
    return b"\x80\x02}(U\x04data" + call + b"U\x06labels]u."


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, protocol):
    marker = tmp_path / "executed"
    for content in ({"data": Bomb(f"touch {marker}"), "labels": []}, Bomb(f"touch {marker}")):
        with pytest.raises(InputError, match=r"it asks for (posix|nt)\.system"):
            read_python(written(tmp_path, pickle.dumps(content, protocol)))
    assert not marker.exists()
    pickle.loads(pickle.dumps(Bomb(f"touch {marker}"), protocol))
    assert marker.exists()  # the bomb was a real one


@pytest.mark.parametrize("content", [Stateful(), eval, zipfile.ZipFile, np.float64(3), np.random.default_rng(0)])
def test_objects_that_no_batch_needs_are_refused(tmp_path, content):
    with pytest.raises(InputError, match="it asks for "):
        read_python(written(tmp_path, pickle.dumps({"data": content, "labels": []})))


def test_an_array_that_points_into_memory_is_refused(tmp_path):
    with pytest.raises(InputError, match="'NoneType' object is not callable"):
        read_python(written(tmp_path, forged_array()))


def by_hand(image: np.ndarray, row: int, column: int, mirror: bool) -> np.ndarray:
    """Pad by 4, crop 32 at (row, column), flip: pixel by pixel, for one image of shape (3, 32, 32)."""
    result = np.zeros_like(image)
    for y in range(32):
        for x in range(32):
            from_y, from_x = y + row - 4, (31 - x if mirror else x) + column - 4
            if 0 <= from_y < 32 and 0 <= from_x < 32:
                result[:, y, x] = image[:, from_y, from_x]
    return result


def test_crop_flip_equals_padding_cropping_and_flipping_by_hand():
    images = torch.from_numpy(batch(0)[0][:90].reshape(-1, 3, 32, 32).copy())
    cases = [(row, column, mirror) for row in (0, 1, 4, 7, 8) for column in range(9) for mirror in (True, False)]
    numbers = torch.tensor([[(r + 0.5) / 9, (c + 0.5) / 9, 0.25 if mirror else 0.75] for r, c, mirror in cases])
    made = shifted_and_flipped(images, numbers)
    assert made.dtype == torch.uint8
    for image, result, case in zip(images.numpy(), made.numpy(), cases, strict=True):
        assert np.array_equal(result, by_hand(image, *case)), case


def test_crop_flip_uses_every_shift_and_mirrors_half_of_the_images():
    # One bright pixel in the middle tells where each image went and, with its dim neighbour, whether it was mirrored.
    images = torch.zeros(5000, 1, 32, 32, dtype=torch.uint8)
    images[:, :, 16, 16], images[:, :, 16, 17] = 255, 100
    made = shifted_and_flipped(images, keyed.uniforms(keyed.key(0), torch.arange(5000), 3))
    place = (made == 255).flatten(1).float().argmax(1)
    mirrored = made.flatten(1).gather(1, place[:, None] - 1).flatten() == 100
    rows, columns = place // 32 - 16, torch.where(mirrored, 15 - place % 32, place % 32 - 16)
    for shifts in (rows, columns):
        counts = torch.bincount(shifts + 4, minlength=9)
        assert len(counts) == 9
        assert (counts - 5000 / 9).abs().max() < 5 * (5000 / 9) ** 0.5
    assert abs(mirrored.sum().item() - 2500) < 5 * 5000**0.5 / 2


def test_normalisation_is_p_over_255_minus_mean_over_std():
    pixels = np.arange(256).reshape(1, 1, 16, 16).repeat(3, axis=1).astype(np.uint8)
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    expected = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    for name in ("standard", "crop_flip"):
        normalized = TRANSFORMS[name].normalize(torch.from_numpy(pixels))
        assert normalized.dtype == torch.float32
        np.testing.assert_allclose(normalized.numpy(), expected, rtol=0, atol=1e-6)


def test_the_held_out_slice_has_five_hundred_images_a_class_and_leaves_the_rest(data):
    train, val = data.splits["train"], data.splits["val"]
    assert torch.bincount(val.labels).tolist() == [500] * 10
    assert torch.bincount(train.labels).tolist() == [4500] * 10
    assert sorted(torch.cat([train.positions, val.positions]).tolist()) == list(range(50_000))


def drawn(data: CIFAR10, epoch: int, num: int = 2) -> list[tuple[torch.Tensor, torch.Tensor]]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return [pair for pair, _ in zip(loader, range(num), strict=False)]


def test_an_epoch_is_the_same_twice_and_another_epoch_is_not(data):
    first, again, other = drawn(data, 3), drawn(data, 3), drawn(data, 4)
    for pair, same in zip(first, again, strict=True):
        assert torch.equal(pair[0], same[0])
        assert torch.equal(pair[1], same[1])
    assert not torch.equal(first[0][0], other[0][0])
    assert not torch.equal(first[0][1], other[0][1])


def test_an_image_is_augmented_alike_in_any_batch_and_anew_in_each_epoch(data):
    train = data.splits["train"]
    alone = train[Draw(2, torch.tensor([41]))][0][0]
    assert torch.equal(train[Draw(2, torch.tensor([7, 41, 3]))][0][1], alone)
    views = {train[Draw(epoch, torch.tensor([41]))][0].numpy().tobytes() for epoch in range(20)}
    assert len(views) > 15  # 162 views there are; 20 draws of them hit few twice


def test_an_image_is_augmented_alike_whatever_is_held_out(data):
    other = CIFAR10(str(data.root), transform="crop_flip", num_held_out=100)
    other.setup()
    position = int(data.splits["train"].positions[-1])
    views = []
    for dataset in (data.splits["train"], other.splits["train"]):
        index = torch.nonzero(dataset.positions == position).flatten()
        views.append(dataset[Draw(2, index)][0])
    assert torch.equal(*views)


def test_a_share_without_images_is_an_empty_batch(data):
    images, labels = data.splits["train"][Draw(0, torch.arange(0))]
    assert (images.shape, labels.shape) == ((0, 3, 32, 32), (0,))


def test_val_and_test_are_not_augmented_and_come_in_order(data):
    loader = data.test_dataloader()
    images, labels = (torch.cat(parts) for parts in zip(*loader, strict=True))
    pixels, original = batch(5)
    standard = TRANSFORMS["standard"].normalize(torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy()))
    assert torch.equal(images, standard)
    assert torch.equal(labels, torch.from_numpy(original))
    positions = data.splits["val"].positions[:1000]
    first, _ = next(iter(data.val_dataloader()))
    stored = CIFAR10(str(data.root)).read()["train"][0][positions]
    assert torch.equal(first, TRANSFORMS["standard"].normalize(stored))


def test_the_fingerprint_tells_one_changed_pixel(data, root, tmp_path):
    linked(root / BIN, tmp_path / BIN, without="data_batch_4.bin")
    changed = bytearray((root / BIN / "data_batch_4.bin").read_bytes())
    changed[5000] ^= 1
    (tmp_path / BIN / "data_batch_4.bin").write_bytes(changed)
    other = CIFAR10(str(tmp_path))
    other.setup()
    assert data.fingerprint.startswith("sha256:")
    assert other.fingerprint != data.fingerprint


def test_a_data_module_survives_pickling_as_spawned_processes_need_it(data):
    draw = Draw(0, torch.arange(5))
    again = pickle.loads(pickle.dumps(data.splits["val"]))
    assert torch.equal(again[draw][0], data.splits["val"][draw][0])


def test_the_constants_are_the_mean_and_deviation_of_the_real_training_images():
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, BIN).is_dir():
        pytest.skip("needs the real CIFAR-10: set ZOO_TEST_DATA to the folder that holds cifar-10-batches-bin")
    images, labels = CIFAR10(folder).read()["train"]
    assert torch.bincount(labels).tolist() == [5000] * 10
    levels = np.arange(256) / 255
    for channel, mean, std in zip(range(3), (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), strict=True):
        counts = np.bincount(images[:, channel].numpy().ravel(), minlength=256)
        found = np.average(levels, weights=counts)
        assert round(found, 4) == mean
        assert round(np.average((levels - found) ** 2, weights=counts) ** 0.5, 4) == std
