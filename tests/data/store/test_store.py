"""The prepared store: the pixels, order and labels of the JPEG folders, whatever happens while it is made."""

import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import stat
import threading
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos.crops import scale_short_side
from zoo.data.sampling import Draw
from zoo.data.statistics import PixelStatistics, PixelSums
from zoo.data.store import shards, writer
from zoo.data.store.format import INDEX, MEAN_IMAGE, TABLES, UNFINISHED, WARPED, Store
from zoo.data.store.shards import ShardJob
from zoo.data.store.writer import prepare_store
from zoo.data.verify.folder import verify_folder
from zoo.errors import InputError
from zoo.files import lock

# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")

WNIDS = ["n01440764", "n02102040", "n03000684"]
NUM_TRAIN, NUM_VAL = 5, 2


def drawn_photo(number: int) -> Image.Image:
    """Blurred noise of a size of its own: upright, across, smaller and larger than what it is scaled to."""
    random = np.random.default_rng(number)
    width, height = random.integers(200, 330, 2)
    noise = Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8))
    return noise.resize((int(width), int(height)), Image.Resampling.BICUBIC)


def fill(root: Path) -> Path:
    for label, wnid in enumerate(WNIDS):
        for n in range(NUM_TRAIN + NUM_VAL):
            number = 100 * label + n
            split, name = ("train", f"{wnid}_{n}") if n < NUM_TRAIN else ("val", f"ILSVRC2012_val_{number:08d}")
            path = root / split / wnid / f"{name}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            drawn_photo(number).save(path, "JPEG", quality=90)
    # Grey and CMYK files are among the official ones.
    drawn_photo(901).convert("L").save(root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG")
    drawn_photo(902).convert("CMYK").save(root / "train" / WNIDS[1] / f"{WNIDS[1]}_1.JPEG")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Three classes of five training and two validation photos; nothing of it is changed by a test."""
    return fill(tmp_path_factory.mktemp("images") / "ilsvrc")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """So that there are four shards of train and two of val."""
    monkeypatch.setattr(writer, "FEWEST_PHOTOS", 4)


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory) -> Path:
    """The store of ``root``, made without interruption."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writer, "FEWEST_PHOTOS", 4)
        return prepare_store(root, tmp_path_factory.mktemp("store") / "prepared-256", 256, 1).folder


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """The same store, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "prepared-256"))


def test_the_sums_of_shards_are_not_kept_side_by_side(root, tmp_path, monkeypatch):
    """Of all shards of ImageNet they are half a gigabyte."""
    kept, read = [], shards.ShardJob.read_metadata
    most = 0

    def remembered(shard):
        nonlocal most
        found = read(shard)
        kept.append(weakref.ref(found["image"]))
        most = max(most, sum(image() is not None for image in kept))
        return found

    monkeypatch.setattr(shards.ShardJob, "read_metadata", remembered)
    prepare_store(root, tmp_path / "prepared-32", 32, 1)
    # The next one is there before the name of the last one is given to it.
    assert len(kept) >= 6
    assert most <= 2


def test_a_store_and_a_manifest_have_one_digest(tmp_path):
    """A store lists its photos class by class, a manifest as texts: "rose-dog/" comes before "rose/"."""
    for place in ("train/rose", "train/rose-dog", "val/rose", "val/rose-dog"):
        (tmp_path / "d" / place).mkdir(parents=True)
        for n in range(2):
            drawn_photo(len(place) + n).save(tmp_path / "d" / place / f"{place[-3:]}{n}.JPEG")
    store = prepare_store(tmp_path / "d", tmp_path / "store", 16, 1)
    found = verify_folder(tmp_path / "d", "ImageNet", 1, tmp_path / "m.jsonl")
    assert store.index["source"]["files"] == found.fingerprint
    listed = ImageNet(str(tmp_path / "d"), num_held_out=1, num_workers=0)
    listed.setup("fit")
    assert store.index["source"]["listing"] == listed.fingerprint


def contents(folder: Path) -> dict[str, str]:
    """sha256 of every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def scaled(path: Path, size: int = 256) -> np.ndarray:
    """The photo with a short side of ``size``, by Pillow alone: uint8 (H, W, 3)."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    short = min(rgb.size)
    return np.asarray(rgb.resize((rgb.width * size // short, rgb.height * size // short), Image.Resampling.BILINEAR))


def made(root: Path, transform: str = "alexnet", **options: object) -> ImageNet:
    data = ImageNet(str(root), 4, transform, **{"num_held_out": 3, "num_workers": 0} | options)
    data.setup()
    return data


def batch(data: ImageNet, split: str, epoch: int = 2) -> tuple[torch.Tensor, ...]:
    """All images of a split in one batch."""
    return data.splits[split][Draw(epoch, torch.arange(len(data.splits[split])))]


def test_the_stored_pixels_labels_and_names_are_those_of_the_files(root, whole):
    store = Store(whole)
    for split, number in (("train", NUM_TRAIN), ("val", NUM_VAL)):
        files = sorted((root / split).rglob("*.JPEG"))
        table = store.tables[split]
        assert table.names == [file.relative_to(root).as_posix() for file in files]
        assert table.labels.tolist() == [label for label in range(3) for _ in range(number)]
        for place, file in enumerate(files):
            assert np.array_equal(store.photo(split, place).transpose(1, 2, 0), scaled(file))
    assert [shard.pictures for shard in store.all_shards()] == [4, 4, 4, 3, 4, 2]
    assert store.class_names == WNIDS
    assert stat.filemode((whole / INDEX).stat().st_mode)[1] == "r"


@pytest.mark.parametrize("transform", ["alexnet", "vgg", "caffe"])
def test_training_and_test_views_are_bit_identical_to_those_from_the_files(root, whole, tmp_path, transform):
    if transform == "caffe":
        whole = prepare_store(root, tmp_path / "warped", 256, 1, WARPED).folder
    files, store = made(root, transform), made(whole, transform)
    for split in ("train", "val", "test"):
        for epoch in (0, 5):
            for one, other in zip(batch(files, split, epoch), batch(store, split, epoch), strict=True):
                assert torch.equal(one, other)
    assert not torch.equal(batch(store, "train", 0)[0], batch(store, "train", 5)[0])


def test_the_real_imagenette_gives_the_same_views_from_the_store(tmp_path):
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "imagenette").is_dir():
        pytest.skip("needs Imagenette: set ZOO_TEST_DATA to the folder that holds imagenette/train and imagenette/val")
    for split, number in (("train", 8), ("val", 3)):
        for wnid in sorted(Path(folder, "imagenette", split).iterdir()):
            (tmp_path / "in" / split / wnid.name).mkdir(parents=True)
            for file in sorted(wnid.iterdir())[:number]:
                (tmp_path / "in" / split / wnid.name / file.name).symlink_to(file)
    prepare_store(tmp_path / "in", tmp_path / "store", 256, 1)
    files, store = made(tmp_path / "in"), made(tmp_path / "store")
    for split in ("train", "val", "test"):
        for one, other in zip(batch(files, split), batch(store, split), strict=True):
            assert torch.equal(one, other)


def test_random_resized_crops_are_cut_from_the_stored_pixels(whole):
    data = made(whole, "torchvision")
    train, store = data.splits["train"], Store(whole)
    numbers = np.random.default_rng(0).random((len(train), 41)).tolist()
    images, _ = train._views(train.positions.tolist(), numbers)
    for image, position, own in zip(images, train.positions.tolist(), numbers, strict=True):
        file = Image.fromarray(store.photo("train", position).transpose(1, 2, 0))
        difference = (image.int() - data.transform.random(file, own).int()).abs()
        # Two libraries' fixed-point arithmetic of the same filter.
        assert difference.max() <= 2
        assert difference.float().mean() < 0.3


def test_what_is_measured_is_never_scaled_twice(whole):
    test = made(whole).splits["test"]
    photo = test.photo(4)
    assert np.array_equal(np.array(photo), Store(whole).photo("val", 4).transpose(1, 2, 0))
    assert np.array(photo).flags.writeable
    assert scale_short_side(photo, 256) is photo
    with pytest.raises(InputError, match=r"point --data.root at the JPEG folders"):
        scale_short_side(photo, 288)


def test_the_fast_decoder_scales_with_opencv_and_differs_little(whole):
    pytest.importorskip("cv2")
    pytest.importorskip("simplejpeg")
    plain, fast = (made(whole, "torchvision", decoder=decoder) for decoder in ("pil", "fast"))
    difference = (batch(plain, "train")[0].int() - batch(fast, "train")[0].int()).abs().float()
    assert 0 < difference.mean() < 2
    assert torch.equal(batch(plain, "test")[0], batch(fast, "test")[0])


def test_the_held_out_slice_the_labels_and_the_fingerprint_are_those_of_the_folders(root, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    files, store = made(root), made(whole)
    assert files.class_names == store.class_names
    for split in ("train", "val", "test"):
        assert torch.equal(files.splits[split].positions, store.splits[split].positions)
        names = [[file.name for file in data.splits[split].files] for data in (files, store)]
        assert names[0] == names[1]
    prepared = store.particulars["prepared"]
    assert (prepared["size"], prepared["listing"]) == (256, files.fingerprint)
    assert files.particulars == {}
    # What verify finds out by reading every file is what prepare noted.
    found = verify_folder(root, "ImageNet", 1)
    assert made(root).fingerprint == found.fingerprint == store.fingerprint
    assert store.fingerprint_of == files.fingerprint_of.replace("and sizes", "sizes and contents").replace(
        "names sizes", "names, sizes"
    )


def test_batches_are_the_same_through_workers_and_after_pickling(whole):
    alone = [torch.cat(parts) for parts in zip(*made(whole).train_dataloader(), strict=True)]
    shared = [torch.cat(parts) for parts in zip(*made(whole, num_workers=2).train_dataloader(), strict=True)]
    used = made(whole)
    batch(used, "train")
    again = [torch.cat(parts) for parts in zip(*pickle.loads(pickle.dumps(used)).train_dataloader(), strict=True)]
    for one, two, three in zip(alone, shared, again, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_batches_are_the_same_through_threads_which_leave_nothing_behind(whole, monkeypatch):
    monkeypatch.setattr("zoo.data.cores.share", lambda processes=None: 3)
    usual = torch.get_num_threads()
    # Workers that were given are workers.
    assert not made(whole, num_workers=2).threads
    alone, data = made(whole, num_workers=0), made(whole, num_workers=None)
    # More batches than are ever made ahead.
    alone.batch_size = data.batch_size = 1
    expected, loader = list(alone.train_dataloader()), data.train_dataloader()
    assert (data.threads, loader.threads, loader.num_workers) == (3, 3, 0)
    for _ in range(2):
        loader.sampler.set_epoch(0)
        found = list(loader)
        assert len(found) == len(expected) > 7
        for batch, other in zip(found, expected, strict=True):
            assert all(torch.equal(part, same) for part, same in zip(batch, other, strict=True))
    left = iter(loader)
    next(left)
    del left
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoo-loader")]
    assert torch.get_num_threads() == usual


def test_what_is_wrong_with_a_photo_is_said_by_a_thread_too(whole, monkeypatch):
    data = made(whole, num_workers=None)
    loader = data.train_dataloader()

    def broken(position):
        raise InputError("This shard is gone.")

    monkeypatch.setattr(data.splits["train"], "photo", broken)
    with pytest.raises(InputError, match=r"This shard is gone\."):
        next(iter(loader))


def test_the_statistics_are_numpys_over_all_pixels_of_the_centre_squares(root, whole):
    squares = []
    for file in sorted((root / "train").rglob("*.JPEG")):
        pixels = scaled(file)
        top, left = ((side - 256) // 2 for side in pixels.shape[:2])
        squares.append(pixels[top : top + 256, left : left + 256])
    pixels = np.stack(squares).astype(np.float64)
    found = Store(whole).statistics
    assert found.mean_image.dtype == np.float32
    assert np.abs(found.mean_image - pixels.mean(0).transpose(2, 0, 1)).max() < 1e-5
    variances, vectors = np.linalg.eigh(np.cov(pixels.reshape(-1, 3).T))
    np.testing.assert_allclose(found.mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.std, np.sqrt(variances[::-1]), rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.components @ vectors[:, ::-1]), np.eye(3), atol=1e-9)
    assert (found.components.max(1) == np.abs(found.components).max(1)).all()


def test_sums_do_not_depend_on_their_order_and_are_exact_where_floats_are_not():
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 5, 6), np.uint8)
    orders = []
    for order in ((0, 1, 2, 3, 4, 5, 6), (6, 2, 0, 5, 1, 3, 4)):
        parts = [PixelSums.zero(3, 5, 6), PixelSums.zero(3, 5, 6)]
        for n in order:
            parts[n % 2].add(images[n])
        parts[0].merge(parts[1])
        orders.append(PixelStatistics.of(parts[0]))
    assert all(np.array_equal(getattr(orders[0], name), getattr(orders[1], name)) for name in orders[0].__dict__)
    # A constant colour, over as many pixels as ImageNet has: the variance is nought and not a rounding error.
    huge = PixelSums(1_281_167, np.full((3, 2, 2), 201 * 1_281_167), np.full((3, 3), 201 * 201 * 4 * 1_281_167))
    assert PixelStatistics.of(huge).std.tolist() == [0, 0, 0]


def test_own_mean_image_and_components_come_from_the_store(root, whole):
    found = Store(whole).statistics
    mean_image, own = made(whole, "alexnet_mean_image"), made(whole, "alexnet_own")
    images, labels, shifts = batch(mean_image, "train")
    inputs, _ = mean_image.on_after_batch_transfer((images, labels, torch.zeros(len(images), 3)), 0)
    expected = images.float() - torch.from_numpy(found.mean_image[:, 16:240, 16:240])
    torch.testing.assert_close(inputs, expected)
    assert torch.equal(shifts, batch(made(whole), "train")[2])
    normals = torch.tensor([[1.0, -2.0, 0.5]])
    expected = 0.1 * normals.double().numpy() * found.std @ found.components
    np.testing.assert_allclose(own.transform.color_shifts(normals).numpy(), expected, rtol=1e-5)
    with pytest.raises(InputError, match=f"mean image of {root} is not known: run zoo data prepare imagenet"):
        made(root, "alexnet_mean_image")


@pytest.mark.parametrize(("transform", "wanted"), [("vgg_384", "--size 384:"), ("caffe", "--size 256 --warp:")])
def test_a_store_that_could_not_be_measured_on_as_the_files_are_is_refused(whole, transform, wanted):
    with pytest.raises(InputError, match=f"was prepared with --size 256, but .* photos of {wanted}"):
        made(whole, transform)


def test_a_store_is_found_by_its_index_in_its_parent_too(whole, root, tmp_path):
    shutil.copytree(whole, tmp_path / "fast" / "prepared-256")
    found = made(tmp_path / "fast")
    assert found.store.folder == tmp_path / "fast" / "prepared-256"
    assert found.files["test"][0] == tmp_path / "fast" / "val" / WNIDS[0] / "ILSVRC2012_val_00000005.JPEG"
    shutil.copytree(whole, tmp_path / "fast" / "other")
    with pytest.raises(InputError, match=r"holds 2 prepared stores: point --data.root at one, such as .*/other\."):
        made(tmp_path / "fast")
    # Beside the JPEG folders it is used only where it is asked for.
    shutil.rmtree(tmp_path / "fast" / "other")
    (tmp_path / "fast" / "train").symlink_to(root / "train")
    (tmp_path / "fast" / "val").symlink_to(root / "val")
    assert made(tmp_path / "fast").store is None


def die_at(call: int):
    """Makes the ``call``-th renaming of a file the death of the process: it dies before the file has its name."""
    calls = Counter()
    replace = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        calls["all"] += 1
        if calls["all"] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = replaced


def die_in_photo(number: int):
    """Death in the middle of a shard: when the ``number``-th photo is to be scaled."""
    calls = Counter()
    original = shards.scaled_planes

    def counted(*arguments):
        calls["all"] += 1
        if calls["all"] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    shards.scaled_planes = counted


def in_a_fork(work) -> int:
    """Runs ``work`` in a process of its own; its status as ``os.waitpid`` gives it."""
    child = os.fork()
    if not child:
        try:
            os._exit(work() or 0)
        except BaseException:
            os._exit(99)
    return os.waitpid(child, 0)[1]


# The note of what is made, pixels and notes of six shards, tables, mean image, index.
NUM_RENAMINGS = 1 + 2 * 6 + 3


@pytest.mark.parametrize("places", [(1, 2, 3), (8, 9, 13), (14, 15, 16)])
def test_killed_at_any_file_it_goes_on_and_ends_with_the_same_bytes(root, whole, tmp_path, places):
    output = tmp_path / "store"
    for place in places:
        before = len(list(output.glob("*.bin")))

        def killed(place=place, before=before):
            # What an earlier death left is not written again.
            die_at(place - 2 * before if before else place)
            prepare_store(root, output, 256, 1)

        assert in_a_fork(killed) == signal.SIGKILL
        assert not (output / INDEX).exists()
        with pytest.raises(InputError, match=r"unfinished store: run zoo data prepare again|No ImageNet"):
            made(output)
    prepare_store(root, output, 256, 1)
    assert contents(output) == contents(whole)


def test_killed_within_a_shard_the_finished_ones_stay_and_are_not_made_again(root, whole, tmp_path, monkeypatch):
    output = tmp_path / "store"

    def killed():
        die_in_photo(10)
        prepare_store(root, output, 256, 1)

    assert in_a_fork(killed) == signal.SIGKILL
    finished = {path.name: path.stat().st_ino for path in output.glob("*.bin")}
    assert sorted(finished) == ["train-00000.bin", "train-00001.bin"]
    assert list(output.glob(".*.part"))
    calls = Counter()
    original = shards.scaled_planes
    monkeypatch.setattr(shards, "scaled_planes", lambda path, *rest: calls.update([path]) or original(path, *rest))
    prepare_store(root, output, 256, 1)
    assert sum(calls.values()) == 3 * (NUM_TRAIN + NUM_VAL) - 8
    assert {name: (output / name).stat().st_ino for name in finished} == finished
    assert contents(output) == contents(whole)
    # Once more, and nothing is done.
    before = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    prepare_store(root, output, 256, 1)
    assert {path: path.stat().st_mtime_ns for path in output.iterdir()} == before


def test_two_processes_name_the_broken_photo_and_go_on_when_it_is_mended(whole, tmp_path):
    images, output = fill(tmp_path / "images"), tmp_path / "store"
    path = images / "val" / WNIDS[2] / "ILSVRC2012_val_00000206.JPEG"
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(InputError, match=f"^{path} is not a readable image"):
        prepare_store(images, output, 256, 2)
    assert not (output / INDEX).exists()
    assert not list(output.rglob("*.part"))
    path.write_bytes(sound)
    prepare_store(images, output, 256, 1)
    assert contents(output) == contents(whole)


def test_of_two_processes_that_prepare_one_store_the_second_is_refused(root, whole, tmp_path):
    output = tmp_path / "store"
    (output / UNFINISHED).mkdir(parents=True)
    with (output / UNFINISHED / "lock").open("w") as held:
        assert lock(held)
        with pytest.raises(InputError, match=r"Another process is preparing .*store: wait until it has ended"):
            prepare_store(root, output, 256, 1)
    prepare_store(root, output, 256, 1)
    assert contents(output) == contents(whole)


def test_a_full_disk_is_one_sentence_and_nothing_half_written_is_taken_for_whole(root, whole, tmp_path, capfd):
    output = tmp_path / "store"
    words = ["data", "prepare", "imagenet", "--root", str(root), "--output", str(output), "--workers", "1"]

    def on_a_full_disk() -> int:
        # A file may grow to less than a shard; Python ignores the signal that comes with it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
        return main(words)

    assert os.waitstatus_to_exitcode(in_a_fork(on_a_full_disk)) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("zoo: ")]
    assert line.startswith(f"zoo: {output}/train-00000.bin cannot be written (File too large): make room")
    assert not output.exists()
    assert main(words) == 0
    assert contents(output) == contents(whole)


def test_too_small_a_disk_is_refused_before_anything_is_decoded(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**7, 10**7, 10**6))
    monkeypatch.delattr(shards, "scaled_planes")
    assert main(["data", "prepare", "ImageNet", "--root", str(root), "--output", str(tmp_path / "store")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("zoo: The prepared photos need about 4.")
    assert f" MB, and {tmp_path / 'store'} has 1.0 MB free: make room" in message
    assert not list(tmp_path.rglob("*.bin"))


def test_the_estimate_is_near_what_is_written(root, whole, monkeypatch):
    free = sum(path.stat().st_size for path in whole.glob("*.bin"))
    files = sorted(root.rglob("*.JPEG"))
    parts = [ShardJob(whole, name, part, "", 256, "short side", True) for name, part in
             (("train-00000", files[:9]), ("train-00001", files[9:]))]  # fmt: skip
    for share, fits in ((0.97, False), (1.03, True)):
        usage = shutil._ntuple_diskusage(10**9, 0, int(share * free))
        monkeypatch.setattr(writer.shutil, "disk_usage", lambda path, usage=usage: usage)
        if fits:
            writer.require_room(whole, parts, 256, "short side")
        else:
            with pytest.raises(InputError, match="make room, or name another place"):
                writer.require_room(whole, parts, 256, "short side")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = [
    (flip, "train-00001.bin", "other contents"),
    (truncate, "val-00001.bin", "truncated"),
    (Path.unlink, "train-00003.bin", "missing file"),
    (flip, TABLES, "other contents"),
    (Path.unlink, TABLES, "missing file"),
    (flip, MEAN_IMAGE, "other contents"),
    (flip, INDEX, "other contents"),
    (truncate, INDEX, "other contents"),
]


@pytest.mark.parametrize(("damage", "name", "kind"), DAMAGES)
def test_verify_names_what_is_wrong_with_a_store(copy, capsys, damage, name, kind):
    words = ["data", "verify", "imagenet", "--root", str(copy), "--workers", "2"]
    damage(copy / name)
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert f"fault   {kind}: 1" in shown
    assert f"          {name}" in shown
    assert shown.endswith("Not clean: 1 fault, 0 notices.\n")


def test_several_damages_are_all_named_and_a_sound_store_is_clean(copy, capsys):
    words = ["data", "verify", "imagenet", "--root", str(copy), "--output", str(copy.parent / "report.json")]
    assert main(words) == 0
    assert "ImageNet train: 15 images of 3 classes, 5 to 5 a class" in capsys.readouterr().out
    (copy / "note.txt").write_text("mine")
    for damage, name, _ in DAMAGES[:4]:
        damage(copy / name)
    assert main(words) == 1
    report = json.loads((copy.parent / "report.json").read_text())
    assert {(found["kind"], found["path"]) for found in report["findings"]} == {
        *((kind, name) for _, name, kind in DAMAGES[:4]),
        ("stray file", "note.txt"),
    }


@pytest.mark.parametrize(
    ("damage", "name", "part"),
    [
        (truncate, "val-00001.bin", "bytes instead of"),
        (Path.unlink, "train-00003.bin", "cannot be read"),
        (flip, TABLES, "not the file that was prepared"),
        (flip, INDEX, "zoo-store.json"),
    ],
)
def test_training_refuses_a_damaged_store(copy, damage, name, part):
    damage(copy / name)
    with pytest.raises(InputError, match=part) as caught:
        made(copy)
    assert str(copy / name) in str(caught.value)


def test_the_sentence_about_an_index_of_other_bytes_does_not_hold_them(copy):
    (copy / INDEX).write_bytes(b"\xff" * 5000)
    with pytest.raises(InputError, match="not the index of a prepared store") as caught:
        made(copy)
    assert len(str(caught.value)) < 600


def test_a_store_of_something_else_is_not_written_over(root, copy, tmp_path, capsys):
    def refusal(output: Path, *words: str) -> str:
        assert main(["data", "prepare", "imagenet", "--root", str(root), "--output", str(output), *words]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    before = contents(copy)
    assert refusal(copy, "--size", "128").startswith(f"zoo: {copy} has a store of size 256 instead of 128: delete it")
    assert "a store of scaling short side instead of warped" in refusal(copy, "--warp")
    assert contents(copy) == before
    other = fill(tmp_path / "other")
    (other / "val" / WNIDS[0] / "ILSVRC2012_val_00000005.JPEG").unlink()
    with pytest.raises(InputError, match="a store of other images: delete it"):
        prepare_store(other, copy, 256, 1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    assert "is not empty and is not a store" in refusal(tmp_path / "mine")
    assert "at least 1, not 0" in refusal(tmp_path / "new", "--size", "0")
    assert "at least 1, not 0" in refusal(tmp_path / "new", "--workers", "0")
    assert "No ImageNet in" in refusal(tmp_path / "new", "--root", str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("x")
    assert "cannot be used for a store" in refusal(tmp_path / "file" / "store")
    assert not (tmp_path / "new").exists()


def test_the_command_says_what_it_made_and_info_shows_it(root, tmp_path, capsys):
    shutil.copytree(root, tmp_path / "images")
    words = ["--root", str(tmp_path / "images"), "--size", "32", "--workers", "1"]
    assert main(["data", "prepare", "imagenet", *words]) == 0
    shown = capsys.readouterr().out
    folder = tmp_path / "images" / "prepared-32"
    assert "train: 15 photos in 4 shards\nval: 6 photos in 2 shards\n" in shown
    assert shown.count("component (") == 3
    assert shown.endswith(f"Train from it with --data.root {folder}\n")
    assert main(["data", "prepare", "imagenet", *words]) == 0
    assert capsys.readouterr().out == shown


def test_the_statistics_of_a_data_set_in_memory_are_printed(capsys):
    from zoo.data import Digits

    assert main(["data", "prepare", "Digits"]) == 0
    shown = capsys.readouterr().out
    pixels = Digits().read()["train"][0].double()
    assert f"mean {pixels.mean():.2f}\nstandard deviation {pixels.std():.2f}\n" in shown
    # The zoo's train and test together are scikit-learn's images, whose levels go to 16.
    everything = torch.cat([images for images, _ in Digits().read().values()]).double().mean()
    assert abs(everything - load_digits().images.mean() * 255 / 16) < 0.5


@pytest.mark.parametrize(
    ("words", "part"),
    [(["Symmetry"], "nothing to prepare"), (["FiveDigits"], "nothing to prepare"), (["Digits", "--warp"], "--warp")],
)
def test_what_has_nothing_to_prepare_says_so(words, part, capsys):
    assert main(["data", "prepare", *words]) == 2
    assert part in capsys.readouterr().err
