"""``zoo classify``: files and folders in, the likeliest classes out."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from export_cases import RandomWeights, write_run
from PIL import Image, ImageOps

import zoo
from zoo.cli import main
from zoo.weights.classify import classify, dark_on_light, find_images, leading

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 210)}


@pytest.fixture
def run(tmp_path):
    """A linear network of CIFAR-10 whose first three classes, airplane, automobile, bird, mean red, green and blue."""
    network = zoo.get_model("linear")
    with torch.no_grad():
        for channel in range(3):
            network.fc.weight[channel].view(3, -1)[channel] = 1 / 1024
        network.fc.bias[3:] = -5 - torch.arange(7.0)
    return write_run(tmp_path / "run", network, "CIFAR10", "standard")


def drawn(path, colour, size=(50, 70)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLOURS[colour]).save(path)
    return str(path)


def test_a_table_names_the_classes_in_order(run, tmp_path, capsys):
    path = drawn(tmp_path / "a.png", "green")
    assert main(["classify", str(run), path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["image", "class", "probability"]
    named = [word for line in lines[1:] for word in line.split() if word in zoo.data.cifar10.CLASS_NAMES]
    assert len(named) == 5
    assert named[0] == "automobile"
    assert path in "\n".join(lines)
    assert sum(float(line.split()[-2]) for line in lines[1:] if line.endswith("%")) <= 100.03


def test_json_has_probabilities_that_softmax_gives(run, tmp_path, capsys):
    paths = [drawn(tmp_path / f"{colour}.png", colour) for colour in COLOURS]
    assert main(["classify", str(run), *paths, "--json", "--top", "20"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["network"], found["variant"], found["view"]) == ("linear", "paper", "single view")
    assert [image["image"] for image in found["images"]] == paths
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    for image, colour in zip(found["images"], COLOURS.values(), strict=True):
        logits = np.concatenate([(np.array(colour) / 255 - mean) / std, -5 - np.arange(7.0)])
        expected = np.exp(logits) / np.exp(logits).sum()
        assert sorted(guess["index"] for guess in image["classes"]) == list(range(10))
        for guess in image["classes"]:
            assert guess["class"] == zoo.data.cifar10.CLASS_NAMES[guess["index"]]
            assert guess["probability"] == pytest.approx(expected[guess["index"]], rel=1e-4)
    assert [image["classes"][0]["index"] for image in found["images"]] == [0, 1, 2]


def test_folders_are_walked_in_order_and_what_is_no_image_is_told(run, tmp_path, capsys):
    folder = tmp_path / "images"
    for name, colour in (("b/2.webp", "red"), ("a/10.png", "blue"), ("c.gif", "green"), ("b/1.jpg", "green")):
        drawn(folder / name, colour)
    (folder / "a" / "notes.txt").write_text("no image")
    assert main(["classify", str(run), str(folder), "--json", "--top", "1"]) == 0
    out, err = capsys.readouterr()
    images = json.loads(out)["images"]
    assert [image["image"].removeprefix(f"{folder}/") for image in images] == [
        "a/10.png",
        "b/1.jpg",
        "b/2.webp",
        "c.gif",
    ]
    assert [image["classes"][0]["index"] for image in images] == [2, 1, 0, 1]
    assert err.count("\n") == 1
    assert "passed over" in err
    assert "notes.txt" in err


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_the_size_of_the_batches_does_not_matter(tmp_path, monkeypatch, batch):
    rng = np.random.default_rng(0)
    for number in range(7):
        size = (int(rng.integers(20, 60)), int(rng.integers(20, 60)), 3)
        Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(tmp_path / f"{number}.png")
    weights, found = RandomWeights("convnetjs"), find_images([str(tmp_path)])
    monkeypatch.setattr("zoo.weights.classify._NUMBERS_AT_A_TIME", batch * 3 * 32 * 32)
    network, transforms = weights.network().eval(), weights.transforms()
    for number, answer in enumerate(classify(weights, found, 3, invert=False, skipped=pytest.fail)):
        with torch.inference_mode():
            expected = network(transforms(tmp_path / f"{number}.png")).softmax(0)
        assert [guess.index for guess in answer.guesses] == expected.topk(3).indices.tolist()
        assert [guess.probability for guess in answer.guesses] == pytest.approx(expected.topk(3).values.tolist(), 1e-4)
    assert number == 6


def test_of_equal_classes_the_smaller_number_leads_and_nan_is_no_answer():
    names = [str(number) for number in range(4)]
    guesses = leading(torch.tensor([1.0, 3.0, 1.0, 3.0]), names, 3)
    assert [guess.name for guess in guesses] == ["1", "3", "0"]
    assert leading(torch.full((4,), torch.nan), names, 3) == ()
    # So far below the first that both are 0: the order is that of the logits.
    assert [guess.index for guess in leading(torch.tensor([-900.0, 0.0, -800.0, -950.0]), names, 4)] == [1, 2, 0, 3]


def test_dark_ink_is_noticed_and_invert_shows_the_negative(tmp_path, capsys):
    weights = RandomWeights("lenet5")
    run = write_run(tmp_path / "run", weights.network(), "MNIST", "lenet5")
    light = Image.new("L", (28, 28))
    light.paste(255, (12, 4, 15, 24))
    light.save(tmp_path / "light.png")
    ImageOps.invert(light).save(tmp_path / "dark.png")
    outputs = []
    for words in (["light.png"], ["dark.png"], ["dark.png", "--invert"]):
        assert main(["classify", str(run), str(tmp_path / words[0]), "--json", *words[1:]]) == 0
        out, err = capsys.readouterr()
        outputs.append(json.loads(out)["images"][0]["classes"])
        # The file is dark on light, whichever way it is shown.
        assert ("--invert" in err) == (words == ["dark.png"])
    assert outputs[0] == outputs[2] != outputs[1]


def test_dark_on_light_looks_at_the_edge():
    grey = np.full((20, 20), 230, np.uint8)
    assert not dark_on_light(Image.fromarray(255 - grey))
    grey[8:12, 3:17] = 20
    assert dark_on_light(Image.fromarray(grey))
    assert not dark_on_light(Image.fromarray(255 - grey))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing.png"], "There is no file or folder nothing.png"),
        (["text.txt"], "text.txt is not a readable image"),
        (["empty"], "The folder empty holds no files"),
        (["texts"], "None of the 1 files is an image"),
        (["a.png", "--top", "0"], "--top is a number of classes"),
        (["a.png", "--top", "x"], "invalid int value: 'x'"),
        ([], "the following arguments are required: IMAGE"),
    ],
)
def test_bad_input_gets_one_sentence(run, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    drawn(tmp_path / "a.png", "red")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    for name in ("text.txt", "texts/text.txt"):
        (tmp_path / name).write_text("no image")
    assert main(["classify", "run", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("zoo: ")
    assert sentence.lower() in last.lower()


def test_a_network_that_sees_no_images_says_so(tmp_path, capsys):
    run = write_run(tmp_path / "run", zoo.get_model("symmetry"), "Symmetry", None)
    assert main(["classify", str(run), drawn(tmp_path / "a.png", "red")]) == 2
    assert "was not trained on images" in capsys.readouterr().err


def test_a_photo_that_no_memory_holds_is_passed_over_and_named(run, tmp_path, capsys):
    drawn(tmp_path / "photos" / "a.png", "red")
    Image.new("1", (1, 300_000)).save(tmp_path / "photos" / "long.png")
    assert main(["classify", str(run), str(tmp_path / "photos")]) == 0
    captured = capsys.readouterr()
    assert "airplane" in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith(f"zoo: passed over: {tmp_path}/photos/long.png is not a readable image (it has 1x300,000")


@pytest.mark.skipif(sys.platform == "win32", reason="names of POSIX")
def test_a_name_that_is_not_utf8_is_printed_as_it_can_be(run, tmp_path):
    path = drawn(tmp_path / "photos" / "a.png", "red")
    os.rename(path, os.fsencode(str(tmp_path / "photos")) + b"/\xff.png")
    words = [sys.executable, "-m", "zoo", "classify", str(run), str(tmp_path / "photos")]
    env = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    said = subprocess.run([*words, "--json"], env=env, capture_output=True, text=True, check=True).stdout
    (image,) = json.loads(said)["images"]
    assert os.fsencode(image["image"]).endswith(b"/\xff.png")
