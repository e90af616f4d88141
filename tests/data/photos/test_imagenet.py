"""ImageNet's folders, label files and odd pictures, on JPEG files that the tests generate."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image
from scipy.io import savemat
from torch import Tensor

from zoo.data import ImageNet, SmokeImageNet, smoke
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.folders import list_classes
from zoo.data.photos.photos import Photos
from zoo.data.photos.transforms import PCA_COMPONENTS, PCA_STD, PhotoTransform
from zoo.data.sampling import Draw
from zoo.errors import InputError

# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")

# Colours that JPEG keeps apart, so that a picture tells its class.
COLORS = {"n01440764": (220, 30, 30), "n02102040": (30, 200, 30), "n03000684": (40, 40, 210)}
WNIDS = list(COLORS)
NUM_TRAIN, NUM_VAL = 10, 3


def picture(wnid: str, number: int) -> Image.Image:
    """A small noisy picture in the colour of its class, of a size of its own."""
    random = np.random.default_rng([WNIDS.index(wnid), number])
    width, height = random.integers(40, 90, 2)
    noise = random.integers(-30, 31, (height, width, 3))
    return Image.fromarray((np.array(COLORS[wnid]) + noise).clip(0, 255).astype(np.uint8))


def save(image: Image.Image, path: Path, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", **options)


@pytest.fixture
def root(tmp_path):
    """Three classes, 10 training and 3 validation images each, made in another order than the sorted one."""
    root = tmp_path / "ilsvrc"
    for wnid in reversed(WNIDS):
        for number in reversed(range(NUM_TRAIN)):
            save(picture(wnid, number), root / "train" / wnid / f"{wnid}_{number}.JPEG")
        for number in range(NUM_VAL):
            save(
                picture(wnid, 100 + number), root / "val" / wnid / f"ILSVRC2012_val_{val_number(wnid, number):08d}.JPEG"
            )
    return root


def val_number(wnid: str, number: int) -> int:
    """The place of a validation image among all of them: classes take turns, as in the official numbering."""
    return 3 * number + WNIDS.index(wnid) + 1


def made(root: Path, **options: object) -> ImageNet:
    data = ImageNet(str(root), **{"num_held_out": 6, "num_workers": 0, "batch_size": 8} | options)
    data.setup()
    return data


def refusal(root: Path, **options: object) -> str:
    """The sentence with which the folder is refused."""
    with pytest.raises(InputError) as caught:
        made(root, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def colors(images: Tensor) -> Tensor:
    """The class whose colour each image has, for uint8 images (N, 3, 224, 224)."""
    means = images.float().mean((2, 3))
    return torch.cdist(means, torch.tensor(list(COLORS.values())).float()).argmin(1)


def everything(loader) -> list[Tensor]:
    """The parts of all batches, each put together: images, labels, colour shifts."""
    return [torch.cat(parts) for parts in zip(*loader, strict=True)]


def test_classes_are_sorted_and_every_image_has_the_label_of_its_folder(root):
    data = made(root)
    assert data.class_names == WNIDS
    assert data.num_classes == 3
    for loader, num in ((data.train_dataloader(), 24), (data.val_dataloader(), 6), (data.test_dataloader(), 9)):
        images, labels, _ = everything(loader)
        assert (images.shape, images.dtype) == ((num, 3, 224, 224), torch.uint8)
        assert torch.equal(colors(images), labels)
        assert torch.bincount(labels).tolist() == [num // 3] * 3


def test_the_order_of_val_and_test_is_that_of_the_names(root):
    data = made(root)
    files = data.splits["test"].files
    assert [file.relative_to(root / "val").as_posix() for file in files] == [
        f"{wnid}/ILSVRC2012_val_{val_number(wnid, number):08d}.JPEG" for wnid in WNIDS for number in range(NUM_VAL)
    ]


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".JPG"])
def test_other_spellings_of_jpeg_are_found_and_other_files_are_not(root, ending):
    folder = root / "train" / WNIDS[1]
    (folder / f"{WNIDS[1]}_0.JPEG").rename(folder / f"{WNIDS[1]}_0{ending}")
    (folder / "readme.txt").write_text("not a picture")
    assert len(list_classes(root / "train")[WNIDS[1]]) == NUM_TRAIN


def flatten_val(root: Path) -> None:
    """Moves all validation images into one folder, as the official tar file has them."""
    for folder in list((root / "val").iterdir()):
        for file in folder.iterdir():
            file.rename(root / "val" / file.name)
        folder.rmdir()


def write_kaggle(folder: Path) -> None:
    rows = ["ImageId,PredictionString"]
    for wnid in WNIDS:
        rows += [
            f"ILSVRC2012_val_{val_number(wnid, n):08d},{wnid} 85 1 499 272 {wnid} 1 2 3 4 " for n in range(NUM_VAL)
        ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LOC_val_solution.csv").write_text("\n".join(rows) + "\n")


def write_devkit(folder: Path) -> None:
    """The development kit's two files in their real structure; the synsets' numbers do not follow their wnids."""
    fields = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height"]
    synsets = np.zeros((4, 1), [(field, object) for field in [*fields, "num_train_images"]])
    identifiers = {WNIDS[1]: 1, WNIDS[2]: 2, WNIDS[0]: 3}
    for row, (wnid, identifier) in zip(synsets, identifiers.items(), strict=False):
        row[0] = (identifier, wnid, "tench, Tinca tinca", "a fish", 0, np.zeros((1, 0)), 0, 1300)
    # The real file goes on with inner nodes of the tree, which have children and no images.
    synsets[3, 0] = (4, "n00001740", "entity", "that which is", 3, np.array([[1, 2, 3]]), 18, 0)
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "meta.mat", {"synsets": synsets})
    truth = {val_number(wnid, n): identifiers[wnid] for wnid in WNIDS for n in range(NUM_VAL)}
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{truth[n]}\n" for n in sorted(truth)))


@pytest.mark.parametrize("write", [write_kaggle, write_devkit])
@pytest.mark.parametrize("place", ["", "val", "ILSVRC2012_devkit_t12/data"])
def test_a_flat_val_takes_its_labels_from_either_official_file(root, write, place):
    expected = everything(made(root).test_dataloader())
    flatten_val(root)
    write(root / place)
    for flat, folders in zip(everything(made(root).test_dataloader()), expected, strict=True):
        assert torch.equal(flat, folders)


@pytest.mark.parametrize("alone", ["ILSVRC2012_validation_ground_truth.txt", "meta.mat", None])
def test_a_flat_val_without_a_whole_label_file_is_refused(root, alone):
    flatten_val(root)
    if alone:
        write_devkit(root)
        other = {"meta.mat", "ILSVRC2012_validation_ground_truth.txt"} - {alone}
        (root / other.pop()).unlink()
    message = refusal(root)
    assert message.startswith(f"{root}/val has no class folders, and there is no LOC_val_solution.csv")


def test_a_flat_image_that_the_label_file_does_not_know_is_named(root):
    flatten_val(root)
    write_kaggle(root)
    save(picture(WNIDS[0], 0), root / "val" / "holiday.JPEG")
    assert refusal(root).startswith(f"{root}/val/holiday.JPEG has no class in {root}/LOC_val_solution.csv")


@pytest.mark.parametrize("content", ["", "image,label\na,b\n", "ImageId,PredictionString\nILSVRC2012_val_00000001,\n"])
def test_a_broken_kaggle_file_is_named(root, content):
    flatten_val(root)
    (root / "LOC_val_solution.csv").write_text(content)
    assert f"{root}/LOC_val_solution.csv" in refusal(root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("meta.mat", b"no matlab file"),
        ("meta.mat", b""),
        ("ILSVRC2012_validation_ground_truth.txt", b"one\ntwo\n"),
        ("ILSVRC2012_validation_ground_truth.txt", b"1\n77\n"),
    ],
)
def test_a_broken_development_kit_is_named(root, name, content):
    flatten_val(root)
    write_devkit(root)
    (root / name).write_bytes(content)
    assert refusal(root).startswith(f"{root}/ILSVRC2012_validation_ground_truth.txt cannot be read as ILSVRC's labels")


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_missing_split_is_refused_with_a_way_to_get_it(root, split):
    shutil.rmtree(root / split)
    message = refusal(root)
    assert message.startswith(f"No ImageNet in {root} (no folder {split!r}")
    assert "https://image-net.org" in message
    assert "overlays/smoke" in message


def test_a_train_folder_without_classes_is_refused(root):
    shutil.rmtree(root / "train")
    (root / "train").mkdir()
    (root / "train" / "n01440764.tar").write_bytes(b"not unpacked")
    assert refusal(root).startswith(f"{root}/train holds no class folders: unpack")


def test_a_class_without_images_is_named(root):
    (root / "train" / "n09999999").mkdir()
    (root / "train" / "n09999999" / "list.txt").write_text("")
    assert refusal(root).startswith(f"{root}/train/n09999999 holds no .JPEG file")


def test_a_class_of_val_that_train_has_not_is_named(root):
    shutil.rmtree(root / "train" / WNIDS[1])
    assert refusal(root) == f"{root}/val has the class {WNIDS[1]}, which {root}/train lacks."


def test_classes_that_val_lacks_keep_the_labels_of_train(root):
    shutil.rmtree(root / "val" / WNIDS[1])
    images, labels, _ = everything(made(root).test_dataloader())
    assert labels.tolist() == [0, 0, 0, 2, 2, 2]
    assert torch.equal(colors(images), labels)


def test_listing_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match=f"^{tmp_path}/nowhere cannot be listed"):
        list_classes(tmp_path / "nowhere")


@pytest.mark.parametrize("num", [-1, 30, 10_000])
def test_holding_out_more_than_there_is_is_refused(root, num):
    assert refusal(root, num_held_out=num) == f"data.num_held_out is {num}, but {root}/train has 30 images."


def test_nothing_held_out_leaves_nothing_to_validate(root):
    data = made(root, num_held_out=0)
    assert data.val_dataloader() == []
    assert len(data.splits["train"]) == 30


def broken(root: Path) -> Path:
    """The path of a training image that is text."""
    path = root / "train" / WNIDS[2] / f"{WNIDS[2]}_4.JPEG"
    path.write_text("<html>404 Not Found</html>")
    return path


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_text_file_named_jpeg_is_refused_by_its_path_also_through_workers(root, num_workers):
    path = broken(root)
    with pytest.raises(InputError) as caught:
        list(made(root, num_held_out=0, num_workers=num_workers).train_dataloader())
    # A worker's error comes with its traceback around it; the last line is the sentence.
    last = str(caught.value).strip().splitlines()[-1]
    assert last.endswith("replace or remove it.")
    assert f"{path} is not a readable picture" in last


def test_a_truncated_picture_is_refused(root, tmp_path):
    whole = (root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG").read_bytes()
    for length in (0, 10, len(whole) // 2):
        (tmp_path / "cut.JPEG").write_bytes(whole[:length])
        with pytest.raises(InputError, match=f"^{tmp_path}/cut.JPEG is not a readable picture"):
            read_rgb(tmp_path / "cut.JPEG")


def test_a_picture_that_unpacks_to_far_too_many_pixels_is_refused(root, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG"
    with pytest.raises(InputError, match=f"^{path} is not a readable picture .*decompression bomb"):
        read_rgb(path)


@pytest.mark.parametrize("form", ["CMYK JPEG", "grey JPEG", "PNG", "PNG with transparency", "palette PNG"])
def test_the_odd_pictures_of_imagenet_are_read_as_rgb(tmp_path, form):
    # ILSVRC has 22 CMYK files, one PNG and thousands of grey ones, all named .JPEG.
    modes = {"CMYK JPEG": "CMYK", "grey JPEG": "L", "PNG with transparency": "RGBA"}
    image = Image.new("RGB", (30, 20), (200, 100, 50)).convert(modes.get(form, "RGB"))
    image = image.quantize(2) if "palette" in form else image
    image.save(tmp_path / "odd.JPEG", "JPEG" if "JPEG" in form else "PNG")
    read = read_rgb(tmp_path / "odd.JPEG")
    assert (read.mode, read.size) == ("RGB", (30, 20))
    expected = (124, 124, 124) if "grey" in form else (200, 100, 50)  # 0.299 R + 0.587 G + 0.114 B
    assert np.abs(np.asarray(read).astype(int) - expected).max() <= 3


@pytest.mark.parametrize("transform", ["alexnet", "torchvision"])
def test_batches_are_the_same_bit_for_bit_for_any_number_of_workers(root, transform):
    runs = []
    for num_workers in (0, 1, 2):
        data = made(root, num_workers=num_workers, transform=transform, batch_size=5)
        loader = data.train_dataloader()
        epochs = []
        for epoch in (0, 3):
            loader.sampler.set_epoch(epoch)
            epochs.append(everything(loader))
        runs.append([*epochs[0], *epochs[1], *everything(data.test_dataloader())])
        assert not torch.equal(epochs[0][0], epochs[1][0])
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], run, strict=True))


def test_the_seed_changes_training_and_nothing_else(root):
    one, other = made(root, seed=1), made(root, seed=2)
    assert not torch.equal(everything(one.train_dataloader())[0], everything(other.train_dataloader())[0])
    for name in ("val", "test"):
        assert torch.equal(everything(one._loader(name))[0], everything(other._loader(name))[0])


def test_an_image_is_augmented_alike_in_any_batch(root):
    train = made(root, transform="alexnet").splits["train"]
    alone = train[Draw(1, torch.tensor([9]))]
    among = train[Draw(1, torch.tensor([2, 9, 4]))]
    assert torch.equal(among[0][1], alone[0][0])
    assert torch.equal(among[2][1], alone[2][0])


def test_a_share_without_images_is_an_empty_batch(root):
    for dataset in made(root).splits.values():
        images, labels, shifts = dataset[Draw(0, torch.arange(0))]
        assert (images.shape, labels.shape, shifts.shape) == ((0, 3, 224, 224), (0,), (0, 3))


def test_evaluation_shifts_no_colours_and_training_does(root):
    data = made(root, transform="alexnet")
    assert everything(data.test_dataloader())[2].abs().max() == 0
    assert everything(data.train_dataloader())[2].abs().min() > 0


def show_numbers(image: Image.Image, numbers: list[float]) -> Image.Image:
    """A "crop" of one pixel that tells the numbers it was made with."""
    return Image.new("RGB", (1, 1), tuple(int(number * 256) for number in numbers))


def test_colour_shifts_are_independent_of_crop_and_flip(root):
    transform = PhotoTransform((0, 0, 0), (1, 1, 1), show_numbers, color_noise=0.1, size=1)
    file = root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG"
    n = 2000
    dataset = Photos([file] * n, torch.zeros(n, dtype=torch.int64), torch.arange(n), transform, seed=0)
    images, _, shifts = dataset[Draw(0, torch.arange(n))]
    normals = shifts.numpy() @ np.linalg.inv(PCA_COMPONENTS.numpy()) / PCA_STD.numpy()
    both = np.corrcoef(images.view(n, 3).numpy(), normals, rowvar=False)
    assert np.abs(both - np.eye(6)).max() < 5 / n**0.5


def test_the_held_out_slice_goes_by_file_name_so_that_a_subset_holds_out_the_same(root, tmp_path):
    def names(data: ImageNet) -> set[str]:
        val = data.splits["val"]
        return {val.files[position].name for position in val.positions.tolist()}

    whole = names(made(root, num_held_out=9))
    assert len(whole) == 9
    subset = tmp_path / "subset"
    shutil.copytree(root, subset)
    for split in ("train", "val"):
        shutil.rmtree(subset / split / WNIDS[1])
    assert names(made(subset, num_held_out=6)) == {name for name in whole if WNIDS[1] not in name}
    # Frozen: the rule must not change silently.
    frozen = {"n01440764": (1, 8, 9), "n02102040": (0, 1, 6), "n03000684": (5, 8, 9)}
    assert whole == {f"{wnid}_{number}.JPEG" for wnid, numbers in frozen.items() for number in numbers}


def test_the_fingerprint_follows_names_and_sizes(root):
    before = made(root).fingerprint
    assert before.startswith("listing-sha256:")
    assert made(root, seed=4, num_held_out=3).fingerprint == before
    path = root / "val" / WNIDS[0] / "ILSVRC2012_val_00000001.JPEG"
    path.write_bytes(path.read_bytes() + b"\0")
    assert made(root).fingerprint != before


def test_a_data_module_survives_pickling_as_spawned_processes_need_it(root):
    data = made(root, transform="alexnet")
    again = pickle.loads(pickle.dumps(data))
    for a, b in zip(everything(again.train_dataloader()), everything(data.train_dataloader()), strict=True):
        assert torch.equal(a, b)


def test_the_number_of_workers_has_a_default_also_where_the_system_does_not_tell_the_cores(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # macOS and Windows lack it
    assert ImageNet().num_workers == os.cpu_count()


class Mean(LightningModule):
    """The smallest model there is: logits from the mean colour; notes what its batches look like."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)
        self.seen: dict[str, list[Tensor]] = {"train": [], "val": [], "test": []}

    def loss(self, stage: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        self.seen[stage].append(images)
        return torch.nn.functional.cross_entropy(self.layer(images.mean((2, 3)) / 100), labels)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self.loss("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.loss("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.loss("test", batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_plain_trainer_feeds_the_network_normalised_float32(root):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = Trainer(max_epochs=2, logger=False, accelerator="cpu", **quiet)
    model, data = Mean(), ImageNet(str(root), 8, "alexnet", num_held_out=6, num_workers=0)
    trainer.fit(model, datamodule=data)
    assert [len(images) for images in model.seen["train"]] == [8, 8, 8] * 2
    assert len(torch.cat(model.seen["val"][1:])) == 2 * 6  # one batch an epoch, and Lightning's sanity check before
    trainer.test(model, datamodule=data, verbose=False)
    images = torch.cat(model.seen["test"])
    assert images.dtype == torch.float32
    stored = everything(data.test_dataloader())[0]
    mean = torch.tensor([127.30, 119.72, 104.91])[:, None, None]
    torch.testing.assert_close(images, stored.float() - mean)


@pytest.fixture
def few(monkeypatch):
    """Fewer generated pictures, for time's sake."""
    monkeypatch.setattr(smoke, "NUM_TRAIN", 2)
    monkeypatch.setattr(smoke, "NUM_VAL", 1)


def test_smoke_imagenet_generates_real_jpegs_once(few, tmp_path, monkeypatch):
    root = tmp_path / "new" / "smoke"
    data = SmokeImageNet(str(root), num_held_out=10, num_workers=0)
    data.prepare_data()
    files = sorted(root.rglob("*.*"))
    assert len(files) == 30
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}
    for file in files:
        with Image.open(file) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 240
    data.setup()
    monkeypatch.delattr(smoke, "generate")
    SmokeImageNet(str(root), num_held_out=10, num_workers=0).prepare_data()
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(root.rglob("*.*"))} == before
    assert [path.name for path in root.parent.iterdir()] == ["smoke"]
    images, labels, _ = everything(data.test_dataloader())
    assert images.shape == (10, 3, 224, 224)
    assert labels.tolist() == list(range(10))


def test_smoke_imagenet_is_the_same_on_every_machine(few, tmp_path):
    for name in ("one", "other"):
        SmokeImageNet(str(tmp_path / name)).prepare_data()
    one, other = ([file.read_bytes() for file in sorted((tmp_path / name).rglob("*.*"))] for name in ("one", "other"))
    assert one == other
    assert len(set(one)) == 30
    assert smoke.drawn_photo(3, 1).tobytes() != smoke.drawn_photo(3, 2).tobytes()


def test_an_interrupted_smoke_imagenet_leaves_nothing_and_can_be_made_again(few, tmp_path, monkeypatch):
    made_so_far = []

    def interrupted(label: int, number: int) -> Image.Image:
        made_so_far.append(label)
        if len(made_so_far) == 7:
            raise KeyboardInterrupt
        return Image.new("RGB", (300, 300))

    data = SmokeImageNet(str(tmp_path / "smoke"))
    with monkeypatch.context() as patched:
        patched.setattr(smoke, "drawn_photo", interrupted)
        with pytest.raises(KeyboardInterrupt):
            data.prepare_data()
    assert list(tmp_path.iterdir()) == []
    data.prepare_data()
    assert [len(files) for files in list_classes(tmp_path / "smoke" / "train").values()] == [2] * 10


def test_smoke_imagenet_that_another_process_has_just_made_is_left_alone(few, tmp_path, monkeypatch):
    def generated_by_both(root: Path) -> None:
        (root / "train").mkdir(parents=True)
        (tmp_path / "smoke" / "train" / "theirs").mkdir(parents=True)

    monkeypatch.setattr(smoke, "generate", generated_by_both)
    SmokeImageNet(str(tmp_path / "smoke")).prepare_data()
    assert [path.name for path in tmp_path.iterdir()] == ["smoke"]
    assert (tmp_path / "smoke" / "train" / "theirs").is_dir()


def test_a_place_where_smoke_imagenet_cannot_be_written_is_named(few, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "smoke"):
        with pytest.raises(InputError, match=f"^Cannot write the generated pictures to {root} "):
            SmokeImageNet(str(root)).prepare_data()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_real_imagenette_is_read():
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "imagenette").is_dir():
        pytest.skip("needs Imagenette: set ZOO_TEST_DATA to the folder that holds imagenette/train and imagenette/val")
    data = made(Path(folder, "imagenette"), num_held_out=500, num_workers=2, batch_size=100)
    assert len(data.class_names) == 10
    assert torch.bincount(data.splits["val"].labels[data.splits["val"].positions]).tolist() == [50] * 10
    images, labels, _ = everything(data.val_dataloader())
    assert images.shape == (500, 3, 224, 224)
    assert len(set(images.flatten(1)[:, ::5000].sum(1).tolist())) > 100  # different pictures
    assert labels.tolist() == sorted(labels.tolist())
