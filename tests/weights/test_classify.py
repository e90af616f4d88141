"""``zoo classify``: files and folders in, the likeliest classes out."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from export_cases import RandomWeights, write_run
from PIL import Image

import zoo
from zoo.cli import main
from zoo.weights.classify import classify, find_images, leading

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
    (passed_over,) = [line for line in err.splitlines() if "passed over" in line]
    assert "notes.txt" in passed_over


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


@pytest.fixture
def digits_run(tmp_path):
    """A network of MNIST's digits with random weights."""
    return str(write_run(tmp_path / "run", RandomWeights("lenet5").network(), "MNIST", "lenet5"))


def classified(words, capsys):
    """The answers in JSON, and what was said on standard error."""
    assert main(["classify", *map(str, words), "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out)["images"], err


def bar(path, size, box, ink=0, paper=255):
    image = Image.new("L", size, paper)
    image.paste(ink, box)
    image.save(path)
    return path


def test_as_they_are_dark_ink_is_noticed_and_invert_shows_the_negative(tmp_path, digits_run, capsys):
    light = bar(tmp_path / "light.png", (28, 28), (12, 4, 15, 24), 255, 0)
    dark = bar(tmp_path / "dark.png", (28, 28), (12, 4, 15, 24))
    outputs = []
    for words in ([light], [dark], [dark, "--invert"]):
        ((answer,), err) = classified([digits_run, *words, "--as-is"], capsys)
        outputs.append(answer["classes"])
        assert not answer["prepared"]
        # The file is dark on light, whichever way it is shown.
        assert ("--invert" in err) == (words == [dark])
    assert outputs[0] == outputs[2] != outputs[1]


def test_dark_and_light_ink_of_any_place_and_size_give_the_same_answer(tmp_path, digits_run, capsys):
    pictures = [
        bar(tmp_path / "0.png", (28, 28), (12, 4, 15, 24), 255, 0),
        bar(tmp_path / "1.png", (28, 28), (12, 4, 15, 24)),
        bar(tmp_path / "2.png", (400, 300), (90, 50, 120, 250)),
        bar(tmp_path / "3.png", (1200, 900), (700, 100, 760, 500), 200, 20),
    ]
    answers, err = classified([digits_run, *pictures], capsys)
    assert [answer["prepared"] for answer in answers] == [True, True, True, True]
    boxes = np.array([answer["box"] for answer in answers[2:]])
    # The last one is looked at in two thirds of its size.
    assert np.abs(boxes - [(90, 50, 120, 250), (700, 100, 760, 500)]).max() <= 1
    assert "--invert" not in err
    first = {guess["index"]: guess["probability"] for guess in answers[0]["classes"]}
    for answer in answers[1:]:
        assert {guess["index"]: guess["probability"] for guess in answer["classes"]} == pytest.approx(first, abs=0.05)


def test_what_was_done_is_said_and_as_is_leaves_it_out(tmp_path, digits_run, capsys):
    picture = str(bar(tmp_path / "a.png", (400, 300), (90, 50, 120, 250)))
    outputs = []
    for words in ([], ["--as-is"]):
        assert main(["classify", digits_run, picture, *words]) == 0
        outputs.append(capsys.readouterr().out)
    said = outputs[0].splitlines()[-1]
    assert said.startswith("1 of 1 went the way of MNIST's digits")
    assert said.endswith("--as-is leaves this out.")
    assert "--as-is" not in outputs[1]
    assert outputs[0].splitlines()[1:6] != outputs[1].splitlines()[1:6]


def test_a_picture_in_mnists_form_is_shown_as_it_is(tmp_path, digits_run, capsys):
    # Two rows more above than below: the centre of mass of 20 rows is then at 14.
    path = bar(tmp_path / "a.png", (28, 28), (13, 4, 16, 24), 255, 0)
    both = [classified([digits_run, path, *words], capsys)[0][0] for words in ([], ["--as-is"])]
    assert both[0]["classes"] == both[1]["classes"]
    assert not both[0]["prepared"]


def test_several_digits_are_read_from_left_to_right(tmp_path, digits_run, capsys):
    path = tmp_path / "page.png"
    image = Image.new("L", (900, 400), 240)
    boxes = [(100, 60, 130, 260), (300, 80, 340, 280), (600, 70, 624, 270)]
    for box in reversed(boxes):
        image.paste(30, box)
    image.save(path)
    answers, _ = classified([digits_run, path], capsys)
    assert np.abs(np.array([answer["box"] for answer in answers]) - boxes).max() <= 1
    assert [(answer["digit"], answer["digits"]) for answer in answers] == [(1, 3), (2, 3), (3, 3)]
    assert main(["classify", digits_run, str(path), "--top", "1"]) == 0
    out = capsys.readouterr().out
    read = "".join(answer["classes"][0]["class"] for answer in answers)
    assert f"{path} reads {read}" in out.splitlines()
    assert "digit 2" in out


def test_a_page_without_ink_says_so(tmp_path, digits_run, capsys):
    (answer,), err = classified([digits_run, bar(tmp_path / "a.png", (300, 400), (0, 0, 0, 0), 0, 220)], capsys)
    assert "no ink was found" in err
    assert not answer["prepared"]
    assert len(answer["classes"]) == 5


def test_a_photograph_far_from_what_cifar10s_networks_know_gets_a_sentence(run, tmp_path, capsys):
    paths = [
        drawn(tmp_path / "wide.png", "red", (200, 50)),
        drawn(tmp_path / "b" / "wide.png", "red", (300, 100)),
        drawn(tmp_path / "tiny.png", "green", (20, 25)),
    ]
    answers, err = classified([run, *paths], capsys)
    lines = err.splitlines()
    (cut,) = [line for line in lines if "outside the centre square" in line]
    assert cut.startswith(f"zoo: {paths[0]} and 1 more: ")
    (small,) = [line for line in lines if "was enlarged" in line]
    assert small.startswith(f"zoo: {paths[2]}: ")
    assert [answer["prepared"] for answer in answers] == [True, True, True]
    assert all(answer["doubts"] for answer in answers)


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
    (line,) = (line for line in captured.err.splitlines() if "passed over" in line)
    assert line.startswith(f"zoo: passed over: {tmp_path}/photos/long.png is not a readable image (it has 1x300,000")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="names of POSIX")
def test_a_name_that_is_not_utf8_is_printed_as_it_can_be(run, tmp_path):
    path = drawn(tmp_path / "photos" / "a.png", "red")
    os.rename(path, os.fsencode(str(tmp_path / "photos")) + b"/\xff.png")
    words = [sys.executable, "-m", "zoo", "classify", str(run), str(tmp_path / "photos")]
    env = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    said = subprocess.run([*words, "--json"], env=env, capture_output=True, text=True, check=True).stdout
    (image,) = json.loads(said)["images"]
    assert os.fsencode(image["image"]).endswith(b"/\xff.png")
