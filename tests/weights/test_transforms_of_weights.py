"""From any image to a network's input: against Pillow and NumPy by hand, torchvision, and the data modules."""

from functools import partial

import numpy as np
import pytest
import torch
from caffe_cases import field, new_blob, new_layer
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torchvision.models import AlexNet_Weights, VGG16_BN_Weights, VGG16_Weights
from torchvision.transforms.functional import pil_to_tensor, to_tensor

import zoo
import zoo.data
from zoo.data.photos.transforms import TRANSFORMS as PHOTOS
from zoo.data.transforms import CIFAR10, DIGITS, MNIST
from zoo.errors import InputError
from zoo.weights.find import find
from zoo.weights.preprocessing import ImagePreprocessing, stored_shape

TORCHVISION = {"alexnet": AlexNet_Weights, "vgg16": VGG16_Weights, "vgg16_bn": VGG16_BN_Weights}


def drawn(width, height, mode="RGB", seed=0):
    """Smooth random colours: resampling noise would say little."""
    generator = np.random.default_rng(seed)
    small = Image.fromarray(generator.integers(0, 256, (5, 4, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def of_cifar(**options):
    return ImagePreprocessing(CIFAR10["standard"], (3, 32, 32), 32, "weights", **options)


def of_mnist():
    return ImagePreprocessing(MNIST["lenet5"], (1, 28, 28), 32, "weights")


def by_hand(image, side, mode):
    """Short side to ``side``, then the centre square."""
    image = image.convert(mode)
    width, height = image.size
    if (width, height) != (side, side):
        short = min(width, height)
        image = image.resize((side * width // short, side * height // short), Image.Resampling.BILINEAR)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return np.asarray(image, dtype=np.float64)


@pytest.mark.parametrize("size", [(32, 32), (200, 100), (33, 77), (16, 16), (31, 500), (1, 1)], ids=str)
def test_colour_images_of_any_size(size):
    image = drawn(*size)
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    expected = ((by_hand(image, 32, "RGB") / 255 - mean) / std).transpose(2, 0, 1)
    found = of_cifar()(image)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1", "LA"])
def test_digits_become_grey_and_sit_amid_background(mode):
    image = drawn(60, 90, mode)
    expected = np.full((32, 32), -0.1)
    expected[2:30, 2:30] = by_hand(image, 28, "L") / 255 * 1.275 - 0.1
    np.testing.assert_allclose(of_mnist()(image)[0], expected, atol=1e-5)


@pytest.mark.parametrize("size", [(200, 120), (96, 97), (64, 32)], ids=str)
def test_a_photo_for_cifar10_is_the_mean_of_each_area_of_its_centre_square(size):
    image = drawn(*size)
    short = min(size)
    left, top = ((length - short) // 2 for length in size)
    square = np.asarray(image)[top : top + short, left : left + short].astype(float)
    # Each pixel repeated 32 times, so that 32 areas of whole pixels part the square.
    fine = square.repeat(32, axis=0).repeat(32, axis=1)
    expected = fine.reshape(32, short, 32, short, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    found = ImagePreprocessing(CIFAR10["raw"], (3, 32, 32), 32, "weights", "photo")(image)
    np.testing.assert_allclose(found, expected, atol=0.51)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_digit_of_any_place_and_size_becomes_mnists(as_tensor):
    transforms = ImagePreprocessing(MNIST["raw"], (1, 28, 28), 28, "weights", "ink")
    found = []
    for paper, ink, size, box in (
        (255, 0, 28, (3, 2, 6, 22)),
        (0, 255, 28, (13, 4, 16, 24)),
        (240, 20, 800, (90, 60, 180, 660)),
    ):
        image = Image.new("L", (size, size), paper)
        image.paste(ink, box)
        given = torch.from_numpy(np.asarray(image).copy())[None] if as_tensor else image
        found.append(transforms(given)[0])
    expected = torch.zeros(28, 28)
    expected[4:24, 13:16] = 255
    for pixels in found:
        # The edges of what was enlarged are soft.
        assert (pixels - expected).abs().mean() < 2
    assert not torch.equal(ImagePreprocessing(MNIST["raw"], (1, 28, 28), 28, "weights")(image)[0], expected)


def test_a_phones_file_is_turned_upright_for_mnist_and_cifar10(tmp_path):
    image = Image.new("L", (200, 300), 240)
    image.paste(20, (40, 60, 60, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    transforms = ImagePreprocessing(MNIST["raw"], (1, 28, 28), 28, "weights", "ink")
    assert torch.equal(transforms(tmp_path / "a.png"), transforms(image))


def test_one_several_and_paths_are_the_same(tmp_path):
    images = [drawn(40, 50, seed=seed) for seed in range(3)]
    for seed, image in enumerate(images):
        image.save(tmp_path / f"{seed}.png")
    paths = [tmp_path / f"{seed}.png" for seed in range(3)]
    transforms = of_cifar()
    batch = transforms(images)
    assert batch.shape == (3, 3, 32, 32)
    assert torch.equal(transforms(paths), batch)
    assert torch.equal(transforms(str(paths[1])), batch[1])
    arrays = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    assert torch.equal(transforms(arrays), batch)
    assert torch.equal(transforms(arrays[2]), batch[2])


@pytest.mark.parametrize(
    "images",
    [
        2 * torch.rand(1, 3, 32, 32),
        torch.full((1, 3, 32, 32), torch.nan),
        torch.zeros(1, 3, 32, 32, dtype=torch.int64),
        np.zeros((3, 32, 32), np.uint8),
        np.zeros((32, 32, 3), np.int64),
        [drawn(9, 9), [drawn(9, 9)]],
        torch.zeros(3, 32, dtype=torch.uint8),
        torch.zeros(1, 4, 32, 32, dtype=torch.uint8),
        torch.zeros(0, 3, 32, 32, dtype=torch.uint8),
        torch.zeros(1, 3, 0, 32, dtype=torch.uint8),
        [],
        [3],
        "nowhere.png",
    ],
    # A list of pictures would be named by their addresses, which two processes do not have in common.
    ids=lambda images: f"{getattr(images, 'shape', type(images).__name__)} {getattr(images, 'dtype', '')}",
)
def test_what_is_no_image_is_refused(images):
    with pytest.raises(InputError) as refused:
        of_cifar()(images)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(InputError, match=r"text\.png"):
        of_mnist()(tmp_path / "text.png")


@pytest.mark.parametrize("size", [32, 45])
def test_floats_of_torchvision_are_the_bytes_they_come_from(size):
    image, transforms = drawn(size, size), of_cifar()
    expected = transforms(image)
    as_float = to_tensor(image)
    assert as_float.is_floating_point()
    assert torch.equal(transforms(as_float), expected)
    assert torch.equal(transforms(as_float.double()), expected)
    # As after some arithmetic: the nearest byte is meant.
    assert torch.equal(transforms((as_float - 0.4 / 255).clamp(min=0)), expected)
    assert torch.equal(transforms(np.asarray(image)), expected)
    assert torch.equal(transforms(np.asarray(image, np.float64) / 255), expected)
    assert torch.equal(transforms(pil_to_tensor(image)), expected)


def test_arrays_have_their_channels_last_and_grey_ones_may_have_none():
    images = [drawn(28, 28, "L", seed) for seed in range(3)]
    batch = of_mnist()(images)
    stack = np.stack([np.asarray(image) for image in images])
    assert batch.shape == (3, 1, 32, 32)
    for given in (stack, stack[..., None], stack[::-1][::-1]):
        assert torch.equal(of_mnist()(given), batch)
    assert torch.equal(of_mnist()(stack[:1]), batch[:1])
    assert torch.equal(of_mnist()(stack[0]), batch[0])
    # A grey image for a network of colour ones; and transparency, which is dropped.
    assert torch.equal(of_cifar()(stack[0]), of_cifar()(images[0]))
    rgba = drawn(32, 32).convert("RGBA")
    assert torch.equal(of_cifar()(np.asarray(rgba)), of_cifar()(rgba))


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3), (2, 1, 2)], ids=str)
def test_batches_of_any_leading_shape(lead):
    pixels = torch.randint(0, 256, (*lead, 3, 40, 36), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = of_cifar()(pixels)
    assert found.shape == (*lead, 3, 32, 32)
    each = [of_cifar()(one) for one in pixels.reshape(-1, 3, 40, 36)]
    assert torch.equal(found, torch.stack(each).reshape(found.shape))
    assert torch.equal(of_cifar()(pixels.movedim(-3, -1).numpy()), found)
    if lead:
        assert torch.equal(of_cifar()(list(pixels)), found)


class Pictures(Dataset):
    """As torchvision's data sets are written: an image through the transform, and its label."""

    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.transform(drawn(30 + index, 40, seed=index)), index


@pytest.mark.slow
def test_it_is_the_transform_of_a_dataset_in_spawned_workers():
    steps = CIFAR10["cuda_convnet"].with_mean(torch.rand(3, 32, 32))
    of_cuda_convnet = ImagePreprocessing(steps, (3, 32, 32), 24, "weights")
    shapes = {
        of_mnist(): (1, 32, 32),
        of_cuda_convnet: (3, 24, 24),
        find("torchvision/alexnet").transforms(): (3, 224, 224),
    }
    # One process for all of them, as each would import torch.
    data = ConcatDataset([Pictures(transforms) for transforms in shapes])
    loader = DataLoader(data, batch_size=6, num_workers=1, multiprocessing_context="spawn")
    for (transforms, shape), (images, _) in zip(shapes.items(), loader, strict=True):
        assert images.shape == (6, *shape)
        assert torch.equal(images, transforms([drawn(30 + index, 40, seed=index) for index in range(6)]))


def test_networks_take_what_comes_out():
    network = zoo.get_model("mlp", hidden=(4,)).eval()
    with torch.no_grad():
        batch = network(of_cifar()([drawn(40, 50, seed=seed) for seed in range(3)]))
        one = network(of_cifar()(drawn(40, 50, seed=2)))
        nested = network(of_cifar()(torch.stack([torch.zeros(2, 3, 9, 9), torch.ones(2, 3, 9, 9)])))
    assert (batch.shape, one.shape, nested.shape) == ((3, 10), (10,), (2, 2, 10))
    torch.testing.assert_close(one, batch[2])


def test_stored_sizes_are_those_of_the_data(monkeypatch):
    for name in ("Digits", "FiveDigits"):
        module = getattr(zoo.data, name)()
        assert tuple(module.read()["test"][0].shape[1:]) == stored_shape(name)
    assert stored_shape("ImageNet") is None


@pytest.mark.parametrize("name", list(DIGITS))
def test_stored_images_come_out_as_the_data_module_gives_them(name):
    data = zoo.data.Digits(transform=name, batch_size=360)
    data.setup()
    images, _ = next(iter(data.test_dataloader()))
    found = ImagePreprocessing(DIGITS[name], (1, 8, 8), images.shape[-1], "weights")(data.read()["test"][0])
    assert torch.equal(found, images)


@pytest.mark.parametrize("name", list(TORCHVISION))
@pytest.mark.parametrize("size", [(300, 256), (640, 480), (225, 999), (224, 224)], ids=str)
def test_torchvisions_weights_come_with_torchvisions_preprocessing(name, size):
    weights, image = find(f"torchvision/{name}"), drawn(*size)
    theirs = TORCHVISION[name].IMAGENET1K_V1
    torch.testing.assert_close(weights.transforms()(image), theirs.transforms()(image), atol=2e-6, rtol=1e-5)
    assert weights.class_names == theirs.meta["categories"]
    assert weights.url == theirs.url
    assert weights.meta["parameters"] == theirs.meta["num_params"]


def test_photographs_as_a_tensor_go_the_same_way():
    transforms = find("torchvision/alexnet").transforms()
    image = drawn(300, 280)
    tensor = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
    assert torch.equal(transforms(tensor), transforms(image))


def test_a_grey_photograph_has_three_equal_channels():
    found = ImagePreprocessing(PHOTOS["vgg"], None, 224, "weights")(drawn(300, 280, "L"))
    mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    assert torch.allclose(found + mean, (found + mean)[:1].expand(3, -1, -1), atol=1e-4)


def test_patterns_of_bits_are_no_images():
    from zoo.data.transforms import SYMMETRY

    with pytest.raises(InputError, match="was not trained on images"):
        ImagePreprocessing(SYMMETRY, stored_shape("Symmetry"), None, "symmetry")


@pytest.mark.parametrize(
    ("name", "layers", "file", "form"),
    [
        ("AlexNet", ("conv1", "conv5"), "a", "alexnet"),
        ("CaffeNet", ("conv1", "conv5"), "a", "caffenet"),
        ("", ("conv1", "conv5"), "bvlc_reference_caffenet", "caffenet"),
        ("", ("conv1", "conv5"), "bvlc_alexnet", "alexnet"),
        ("VGG_ILSVRC_16_layers", ("conv1_1", "conv5_3"), "a", "vgg16"),
        ("GoogleNet", ("conv1", "conv5"), "a", None),
        ("AlexNet", ("conv1", "inception"), "a", None),
    ],
)
def test_caffes_files_say_what_they_are_and_bring_their_mean(tmp_path, name, layers, file, form):
    path = tmp_path / f"{file}.caffemodel"
    blob = partial(new_blob, torch.zeros(1))
    path.write_bytes(field(1, name.encode()) + b"".join(new_layer(layer, blob(), blob()) for layer in layers))
    if form is None:
        with pytest.raises(InputError, match="does not say which net it holds"):
            find(path)
        return
    weights = find(path)
    assert (weights.meta["network"], weights.meta["variant"]) == {
        "alexnet": ("alexnet", "caffe"), "caffenet": ("alexnet", "caffenet"), "vgg16": ("vgg16", "paper"),
    }[form]  # fmt: skip
    image = drawn(400, 300)
    found = weights.transforms()(image)
    # The weights' own test would say more: that they are not here is found out now.
    with pytest.raises(InputError, match="it has no weights for"):
        weights.network()
    if form == "vgg16":
        mean, expected = [123.68, 116.779, 103.939], by_hand(image, 256, "RGB")[16:240, 16:240]
    else:
        mean = [122.6789143, 116.6687676, 104.0069879]
        warped = np.asarray(image.resize((256, 256), Image.Resampling.BILINEAR), np.float64)
        # (256 - 227) / 2 is 14.5, which rounds to the even 14.
        expected = warped[14:241, 14:241]
    np.testing.assert_allclose(found, (expected - mean).transpose(2, 0, 1), atol=1e-4)


def constant_alexnet(path, **changes):
    """A file as torchvision's, each tensor one number over and over, which takes no room."""
    import torchvision

    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in torchvision.models.alexnet().state_dict().items()}
    state = {key: torch.tensor(float(n)).expand(shape) for n, (key, shape) in enumerate(shapes.items(), start=1)}
    torch.save(state | changes, path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"


def test_torchvisions_file_is_taken_from_the_hubs_folder(hub, monkeypatch):
    from zoo.weights.sources import torchvision as source

    constant_alexnet(hub)
    # The real file's hash is in its name; this one has another.
    with pytest.raises(InputError, match=r"7be5be79\.pth is not the file of https"):
        find("torchvision/alexnet").network()
    monkeypatch.setattr(source, "digest_of", lambda path: "7be5be79" + "0" * 56)
    weights = find("torchvision/alexnet")
    network = zoo.get_model("alexnet", weights=weights)
    assert (network.name, network.variant, network.num_classes) == ("alexnet", "torchvision", 1000)
    assert [float(value.flatten()[-1]) for value in network.state_dict().values()] == list(range(1, 17))
    assert network.meta["published"]["ImageNet-1K"]["acc@1"] == 56.522


def test_torchvisions_file_that_would_run_something_does_not(hub, tmp_path, monkeypatch):
    from test_weight_safety import Payload

    from zoo.weights.sources import torchvision as source

    torch.save({"features.0.weight": Payload(tmp_path / "executed")}, hub)
    for _ in range(2):
        with pytest.raises(InputError, match="is not the file of"):
            find("torchvision/alexnet").network()
        # Even where somebody forged the hash.
        monkeypatch.setattr(source, "digest_of", lambda path: "7be5be79" + "0" * 56)
    assert not (tmp_path / "executed").exists()


def test_no_network_is_one_sentence(hub, monkeypatch):
    from urllib.error import URLError

    def unreachable(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(InputError, match=r"cannot be fetched from https.*no route to host.*put it at") as refused:
        zoo.get_model("alexnet", weights="torchvision/alexnet")
    assert "\n" not in str(refused.value)
    assert not list(hub.parent.iterdir())


def test_printed_they_say_what_they_do():
    shown = repr(ImagePreprocessing(CIFAR10["standard"], (3, 32, 32), 32, "weights"))
    for word in ("(pixels / 255 - mean) / std", "0.4914", "stored=(3, 32, 32)", "size=32"):
        assert word in shown
    assert "short_side=256" in repr(find("torchvision/vgg16").transforms())
