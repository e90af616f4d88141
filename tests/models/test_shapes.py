"""Images that do not fit a network: the sentence says what it takes, what came, and which option takes them."""

import pytest
import torch

import zoo
from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.errors import InputError

FORMS = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants]


def on_meta(name, **options):
    with torch.device("meta"):
        return zoo.get_model(name, **options)


@pytest.mark.parametrize(("name", "variant"), FORMS)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 224, 224), (2, 9, 7)])
def test_the_way_out_is_one(name, variant, shape):
    network = on_meta(name, variant=variant)
    images = torch.empty(1, *shape, device="meta")
    if shape == network.input_shape or variant == "mark1":
        network.check_input(images)
        return
    with pytest.raises(InputError) as refused:
        network(images)
    sentence = str(refused.value)
    assert f"{name} {variant} takes images of {'x'.join(map(str, network.input_shape))} (" in sentence
    assert f"not of {'x'.join(map(str, shape))}: " in sentence
    if "it does with " not in sentence:
        return
    words = sentence.partition("it does with ")[2].partition(",")[0].split(" and ")
    options = {key: value if key == "variant" else int(value) for key, value in (word.split() for word in words)}
    on_meta(name, **({"variant": variant} | options)).check_input(images)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("vgg11", (3, 32, 32), "(channels, height, width), not of 3x32x32: it does with input_size 32"),
        ("alexnet", (3, 32, 32), "it does with variant cifar"),
        ("lenet5", (1, 28, 28), "it does with variant modern and input_size 28"),
        ("lenet5", (3, 32, 32), "it does with in_channels 3"),
        ("mlp", (1, 28, 28), "it does with in_channels 1 and input_size 28"),
        ("vgg16", (1, 32, 32), "it does with in_channels 1 and input_size 32"),
        ("vgg16", (1, 28, 28), "no variant and no option of it does"),
        ("neocognitron", (1, 28, 28), "no variant and no option of it does"),
    ],
)  # fmt: skip
def test_what_would_fit(name, shape, words):
    with pytest.raises(InputError) as refused:
        on_meta(name)(torch.empty(2, *shape, device="meta"))
    assert words in str(refused.value)


def test_what_has_too_few_dimensions_is_no_image():
    with pytest.raises(InputError, match=r"\(N, 1, 32, 32\), not a tensor of 2 dimensions"):
        zoo.get_model("lenet5")(torch.zeros(32, 32))
    with pytest.raises(InputError, match="not of 3x28x28"):
        zoo.get_model("lenet5")(torch.zeros(3, 28, 28))


def test_one_image_and_any_leading_shape_are_the_batch_of_their_images():
    network, images = zoo.get_model("lenet5", variant="modern"), torch.rand(2, 3, 1, 32, 32)
    expected = network(images.flatten(0, 1))
    assert torch.equal(network(images), expected.unflatten(0, (2, 3)))
    torch.testing.assert_close(network(images[1, 2]), expected[5])
    assert network(images[:, :0]).shape == (2, 0, 10)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--model.in_channels", "3"], "in_channels 1"),
        (["--model.variant", "caffe"], "variant paper"),
        # A rule that goes through the layers itself, and one that only collects the images.
        (["--model", "PerceptronModel"], "in_channels 1"),
        (["--model", "NearestNeighbourModel", "--model.num_images", "1437"], "in_channels 1"),
        (["--model", "AlexNetModel", "--model.num_classes", "10"], "variant cifar and in_channels 1"),
        (["--model", "NeocognitronModel", "--model.num_classes", "10"], "another data.transform, data set or network"),
    ],
)
def test_a_run_ends_before_its_first_step_and_leaves_nothing(capsys, in_folder, words, part):
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "1", "--data.num_held_out", "0"]
    if "--model" in words:
        (in_folder / "digits.yaml").write_text("data: {class_path: Digits}\n")
        quiet += ["--config", "digits.yaml"]
    else:
        quiet += ["--config", "lenet5_digits"]
    before = sorted(in_folder.rglob("*"))
    assert main(["fit", *quiet, *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "takes images of" in line
    assert part in line
    assert sorted(in_folder.rglob("*")) == before


def test_compiled_exported_and_traced_networks_check_as_well_or_not_at_all():
    network = zoo.get_model("lenet5", variant="modern")
    images = torch.rand(2, 1, 32, 32)
    expected = network(images)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    assert torch.equal(compiled(images), expected)
    exported = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    assert torch.allclose(exported(images[:1]), expected[:1])


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_trace_is_made_without_a_warning():
    network, images = zoo.get_model("lenet5", variant="modern"), torch.rand(2, 1, 32, 32)
    assert torch.equal(torch.jit.trace(network, images)(images), network(images))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vgg11", {"input_size": 33}), ("vgg11", {"num_classes": -1}), ("lenet5", {"in_channels": -1}),
        ("mlp", {"hidden": (0,)}), ("mlp", {"input_size": 10**9}), ("alexnet", {"order": "none"}),
        ("alexnet", {"colour": 1}), ("no_such", {}), ("lenet5", {"variant": "no_such"}),
    ],
)  # fmt: skip
def test_get_model_raises_the_packages_own_exception(name, options):
    with pytest.raises(InputError):
        zoo.get_model(name, **options)


@pytest.mark.parametrize("name", ["Digits", "MNIST", "CIFAR10", "SmokeImageNet", "ImageNet", "StreamedImageNet"])
def test_a_data_module_names_its_transforms(name):
    with pytest.raises(InputError, match=r"no transform 'no_such' here: there is \w+"):
        getattr(zoo.data, name)(transform="no_such")


def test_an_empty_name_is_not_the_working_folder(in_folder):
    with pytest.raises(InputError, match="empty"):
        zoo.load("")
