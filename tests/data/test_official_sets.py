"""CIFAR-100, Fashion-MNIST, Kuzushiji-MNIST, SVHN and STL-10: fetched, read as torchvision reads them, refused.

The files are of the official formats and tiny: the classes are told how many images they hold.
"""

import gzip
import hashlib
import io
import pickle
import shutil
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
import torchvision.datasets as theirs
from scipy.io import savemat

import zoo.data
from zoo.catalog import DATA
from zoo.cli import main
from zoo.data import CIFAR100, KMNIST, MNIST, STL10, SVHN, FashionMNIST
from zoo.data.verify.memory import verify_memory
from zoo.errors import InputError
from zoo.models import LeNet5Model, LinearModel
from zoo.weights.export.metadata import preprocessing_of
from zoo.weights.preprocessing import ImagePreprocessing, stored_shape
from zoo.weights.trained import DataUse, Weights

TRAIN, TEST = 24, 10
NAMES = ("CIFAR100", "FashionMNIST", "KMNIST", "SVHN", "STL10")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def drawn(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Random images uint8 (N, C, H, W) with labels; every class of ten is met."""
    random = np.random.default_rng([NAMES.index(name), len(split)])
    num = TRAIN if split == "train" else TEST
    images = random.integers(0, 256, (num, *DATA[name].stored), np.uint8)
    classes = len(DATA[name].images["test"])
    return images, (random.permutation(num) * (classes // 10)) % classes


def idx(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def files_of(name: str) -> dict[str, bytes]:
    """The official files, by their paths below the root where torchvision puts them."""
    arrays = {split: drawn(name, split) for split in ("train", "test")}
    if name == "CIFAR100":
        return {
            f"cifar-100-python/{split}": pickle.dumps(
                {"data": images.reshape(len(images), -1), "fine_labels": labels.tolist(), "coarse_labels": [0]},
                protocol=2,
            )
            for split, (images, labels) in arrays.items()
        } | {"cifar-100-python/meta": pickle.dumps({"fine_label_names": list(CIFAR100.form.class_names)}, protocol=2)}
    if name == "SVHN":
        found = {}
        for split, (images, labels) in arrays.items():
            content = io.BytesIO()
            savemat(content, {"X": images.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None]})
            found[f"{split}_32x32.mat"] = content.getvalue()
        return found
    if name == "STL10":
        found = {"stl10_binary/unlabeled_X.bin": b""}
        for split, (images, labels) in arrays.items():
            found[f"stl10_binary/{split}_X.bin"] = images.transpose(0, 1, 3, 2).tobytes()
            found[f"stl10_binary/{split}_y.bin"] = (labels + 1).astype(np.uint8).tobytes()
        return found
    parts = {"train": arrays["train"], "t10k": arrays["test"]}
    found = {}
    for split, (images, labels) in parts.items():
        found[f"{name}/raw/{split}-images-idx3-ubyte.gz"] = gzip.compress(idx(images[:, 0]))
        found[f"{name}/raw/{split}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels))
    return found


def archive(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def tiny(name, monkeypatch, server):
    """The class of that name, told of tiny files, which the server has; torchvision is told of their checksums, too."""
    made, files = getattr(zoo.data, name), files_of(name)
    sums = {path.rpartition("/")[2]: md5(data) for path, data in files.items()}
    if name in ("FashionMNIST", "KMNIST"):
        shapes = {
            file: (TRAIN if file.startswith("train") else TEST, *shape[1:]) for file, shape in made.shapes.items()
        }
        monkeypatch.setattr(made, "shapes", shapes)
        monkeypatch.setattr(made, "sums", tuple(f"md5:{sums[f'{file}.gz']}" for file in shapes))
        for path, data in files.items():
            server.offer(path.rpartition("/")[2], data)
        monkeypatch.setattr(made, "mirror", f"{server.address}/")
    elif name == "SVHN":
        monkeypatch.setattr(made, "sums", {file: f"md5:{digest}" for file, digest in sums.items()})
        for path, data in files.items():
            server.offer(path, data)
        monkeypatch.setattr(made, "site", f"{server.address}/")
        monkeypatch.setattr(theirs.SVHN, "split_list", {
            split: ["", f"{split}_32x32.mat", sums[f"{split}_32x32.mat"]] for split in ("train", "test")
        })  # fmt: skip
    else:
        packed = archive(files)
        monkeypatch.setattr(made, "url", server.offer("packed.tar.gz", packed))
        monkeypatch.setattr(made, "digest", f"md5:{md5(packed)}")
        monkeypatch.setattr(made, "counts", {"train": TRAIN, "test": TEST})
        monkeypatch.setattr(made, "sums", {file: f"md5:{sums[file]}" for file in made.sums})
        lists = {split: [[split, sums.get(split)]] for split in ("train", "test")}
        if name == "STL10":
            lists = {split: [[f"{split}_{part}.bin", sums[f"{split}_{part}.bin"]] for part in "Xy"] for split in lists}
            lists["train"].append(["unlabeled_X.bin", md5(b"")])
        else:
            meta = {"filename": "meta", "key": "fine_label_names", "md5": sums["meta"]}
            monkeypatch.setattr(theirs.CIFAR100, "meta", meta)
        for split, listed in lists.items():
            monkeypatch.setattr(getattr(theirs, name), f"{split}_list", listed)
    return made


@pytest.fixture
def fetched(tiny, tmp_path):
    """The data module after its download, with that folder."""
    data = tiny(str(tmp_path / "data"), num_held_out=4, download=True)
    data.prepare_data()
    return data


def torchvisions(name: str, root: Path, split: str):
    if name in ("SVHN", "STL10"):
        return getattr(theirs, name)(str(root), split=split)
    for packed in (root / name).rglob("*.gz"):
        # It reads unpacked files alone; ours are kept packed, as they have checksums.
        copy = root / "theirs" / packed.relative_to(root).with_suffix("")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(gzip.decompress(packed.read_bytes()))
    root = root / "theirs" if (root / "theirs").is_dir() else root
    return getattr(theirs, name)(str(root), train=split == "train")


def test_what_is_fetched_is_read_as_torchvision_reads_it(name, fetched, tmp_path):
    arrays = fetched.read()
    for split in ("train", "test"):
        images, labels = arrays[split]
        reference = torchvisions(name, tmp_path / "data", split)
        assert len(reference) == len(images) == (TRAIN if split == "train" else TEST)
        assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
        for image, label, (their_image, their_label) in zip(images, labels.tolist(), reference, strict=True):
            pixels = np.asarray(their_image)
            assert np.array_equal(image.permute(1, 2, 0).squeeze(-1).numpy(), pixels)
            assert label == their_label
        assert np.array_equal(images.numpy(), drawn(name, split)[0])
    assert len(fetched.class_names) == len(DATA[name].images["test"])


def test_the_names_of_the_classes_are_torchvisions(name, fetched, tmp_path):
    reference = torchvisions(name, tmp_path / "data", "train")
    if name == "SVHN":
        assert fetched.class_names == list("0123456789")
    elif name == "STL10":
        # In a file of theirs, which is only shown.
        assert fetched.class_names == [
            "airplane",
            "bird",
            "car",
            "cat",
            "deer",
            "dog",
            "horse",
            "monkey",
            "ship",
            "truck",
        ]
    else:
        assert fetched.class_names == reference.classes


def test_the_addresses_and_checksums_are_torchvisions(name):
    ours, reference = getattr(zoo.data, name), getattr(theirs, name)
    if name in ("FashionMNIST", "KMNIST"):
        assert [ours.mirror] == reference.mirrors
        found = [
            (f"{file}.gz", digest.removeprefix("md5:")) for file, digest in zip(ours.shapes, ours.sums, strict=True)
        ]
        assert found == reference.resources
        assert ours.folders[0] == f"{name}/raw"
    elif name == "SVHN":
        assert {file: f"md5:{digest}" for _, file, digest in list(reference.split_list.values())[:2]} == ours.sums
        assert all(url.startswith(ours.site) for url, _, _ in reference.split_list.values())
    else:
        assert (ours.url, ours.digest) == (reference.url, f"md5:{reference.tgz_md5}")
        listed = {file: f"md5:{digest}" for file, digest in reference.train_list + reference.test_list}
        assert dict(ours.sums).items() <= listed.items()


def test_a_second_call_fetches_nothing_and_a_missing_file_is_named(name, tiny, fetched, server, tmp_path):
    asked = list(server.asked)
    tiny(str(tmp_path / "data"), download=True).prepare_data()
    assert server.asked == asked
    with pytest.raises(InputError, match=rf"^No {DATA[name].title if name != 'SVHN' else 'SVHN'} in .*--data.download"):
        tiny(str(tmp_path / "elsewhere")).prepare_data()
    assert server.asked == asked


def test_the_held_out_slice_is_that_of_every_run_and_counts_are_exact(tiny, fetched, tmp_path):
    fetched.setup()
    again = tiny(str(tmp_path / "data"), num_held_out=4, seed=5)
    again.setup()
    assert torch.equal(fetched.splits["val"].positions, again.splits["val"].positions)
    assert [len(fetched.splits[split]) for split in ("train", "val", "test")] == [TRAIN - 4, 4, TEST]
    seen = torch.cat([fetched.splits[split].positions for split in ("train", "val")])
    assert sorted(seen.tolist()) == list(range(TRAIN))
    assert sum(len(labels) for _, labels in fetched.test_dataloader()) == TEST


def test_every_transform_gives_the_shape_that_is_said_of_it(tiny, fetched, tmp_path):
    for transform, steps in tiny.transforms.items():
        data = tiny(str(tmp_path / "data"), transform=transform, num_held_out=0)
        data.setup()
        images, _ = next(iter(data.train_dataloader()))
        assert tuple(images.shape[1:]) == data.shape_after(steps)
        assert data.displayed(zoo.data.sampling.Draw(0, torch.tensor([0]))).dtype == torch.uint8


def test_verify_names_a_file_that_is_not_the_official_one(name, fetched, tmp_path):
    found = verify_memory(fetched, str(tmp_path))
    assert {finding.kind for finding in found.findings} <= {"wrong count"}
    (path, _), *_ = fetched.official_sums().items()
    changed = files_of(name)[path.relative_to(tmp_path / "data").as_posix()]
    path.write_bytes(
        gzip.compress(gzip.decompress(changed), 1) if path.suffix == ".gz" else changed[:-1] + bytes([changed[-1] ^ 1])
    )
    found = verify_memory(fetched, str(tmp_path))
    assert ("other contents", path.name) in {(finding.kind, finding.path) for finding in found.findings} or (
        found.findings[0].kind == "unreadable"
    )


def test_a_broken_file_is_refused_in_one_sentence(name, fetched, tmp_path):
    (path, _), *_ = fetched.official_sums().items()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError) as refused:
        fetched.read()
    assert str(refused.value).startswith(f"{path} ")
    assert "\n" not in str(refused.value)
    assert "fetch it again" in str(refused.value)


def test_the_command_line_fetches_and_shows_them(name, tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "fetch", name, "--root", "there"]) == 0
    assert main(["data", "info", name, "--root", "there", "--output", "sheet.png"]) == 0
    printed = capsys.readouterr().out
    assert f"{name} is in {tmp_path}/there." in printed
    assert "fingerprint sha256:" in printed
    assert Path("sheet.png").is_file()


def test_the_binary_version_of_cifar100_has_its_fine_labels_second(monkeypatch, tmp_path):
    monkeypatch.setattr(CIFAR100, "counts", {"train": TRAIN, "test": TEST})
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    for split in ("train", "test"):
        images, labels = drawn("CIFAR100", split)
        rows = np.column_stack([np.full(len(labels), 7), labels, images.reshape(len(labels), -1)])
        (folder / f"{split}.bin").write_bytes(rows.astype(np.uint8).tobytes())
    arrays = CIFAR100(str(tmp_path)).read()
    for split in ("train", "test"):
        images, labels = drawn("CIFAR100", split)
        assert np.array_equal(arrays[split][0].numpy(), images)
        assert np.array_equal(arrays[split][1].numpy(), labels)


def test_a_house_number_s_zero_is_class_0(tmp_path):
    path = tmp_path / "train_32x32.mat"
    savemat(path, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[10], [1]])})
    assert zoo.data.svhn.read_mat(path)[1].tolist() == [0, 1]
    savemat(path, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[0], [11]])})
    with pytest.raises(InputError, match="not one of SVHN's files"):
        zoo.data.svhn.read_mat(path)


def test_a_table_instead_of_images_is_refused_before_scipy_reads_it(tmp_path, monkeypatch):
    savemat(tmp_path / "t.mat", {"X": np.array([(1, 2)], [("a", object), ("b", object)]), "y": np.ones((1, 1))})
    # On damaged tables it ends the process.
    monkeypatch.setattr("scipy.io.loadmat", lambda *args, **options: pytest.fail("it was read"))
    with pytest.raises(InputError, match=r"is not one of SVHN's files \(it holds a struct\); delete it"):
        zoo.data.svhn.read_mat(tmp_path / "t.mat")


def test_pictures_of_another_data_set_in_files_of_the_same_name_are_refused(monkeypatch, tmp_path):
    shapes = {file: (TRAIN if file.startswith("train") else TEST, *shape[1:]) for file, shape in MNIST.shapes.items()}
    monkeypatch.setattr(MNIST, "shapes", shapes)
    monkeypatch.setattr(FashionMNIST, "shapes", shapes)
    for path, data in files_of("KMNIST").items():
        (tmp_path / Path(path).name).write_bytes(data)
    data = MNIST(str(tmp_path), num_held_out=0)
    data.setup()
    monkeypatch.setitem(DATA["MNIST"].fingerprints, data.fingerprint, {"altered": 0, "note": "tiny"})
    with pytest.raises(InputError, match="are those of MNIST, not of fashion-mnist"):
        FashionMNIST(str(tmp_path), num_held_out=0).setup()


@pytest.mark.parametrize(
    ("data", "network", "hint"),
    [
        (FashionMNIST(transform="standard"), LeNet5Model(), "of FashionMNIST lenet5, lenet5_distorted would fit."),
        (STL10(), LinearModel(), "of those of STL10 standard_32, crop_flip_32 would fit."),
        (KMNIST(), LinearModel(in_channels=1, input_size=20), "or choose another data.transform."),
        (SVHN(), LeNet5Model(), "it does with in_channels 3, or choose another data.transform."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_network_that_they_do_not_fit_says_which_preprocessing_would(data, network, hint):
    with pytest.raises(InputError, match="takes images of") as refused:
        network._check_images(data)
    assert str(refused.value).endswith(hint)


def test_stl10_made_small_is_the_mean_over_nine_pixels():
    images = torch.from_numpy(drawn("STL10", "test")[0])
    expected = images.double().view(TEST, 3, 32, 3, 32, 3).mean((3, 5)).round()
    assert torch.equal(STL10.transforms["standard_32"].place(images).double(), expected)
    steps = ImagePreprocessing(STL10.transforms["standard_32"], stored_shape("STL10"), 32, "weights")
    assert torch.equal(steps(images), STL10.transforms["standard_32"](STL10.transforms["standard_32"].place(images)))


def test_an_export_says_how_stl10_is_made_small():
    class Untrained(Weights):
        name, data = "untrained", DataUse("STL10", "crop_flip_32", "single view")
        meta: ClassVar = {"network": "linear", "variant": "paper", "options": {}}

        def state(self):
            return {}

        def verify(self):
            pass

    said = preprocessing_of(Untrained())
    assert (said["centre_crop"], said["mean_over_squares_of"]) == (96, 3)
    assert "input_crop" not in said
    assert said["std"] == pytest.approx([255 * 0.2603, 255 * 0.2566, 255 * 0.2713])


def test_a_zip_is_unpacked_like_a_tar(tmp_path):
    from zoo.data.download import extract

    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "one").write_bytes(b"1")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "in")
    (tmp_path / "here").mkdir()
    extract(tmp_path / "packed.zip", tmp_path / "here")
    assert (tmp_path / "here" / "a" / "one").read_bytes() == b"1"
    (tmp_path / "packed.zip").write_bytes((tmp_path / "packed.zip").read_bytes()[:40])
    with pytest.raises(InputError, match="cannot be unpacked"):
        extract(tmp_path / "packed.zip", tmp_path / "here")
