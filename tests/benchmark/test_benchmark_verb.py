"""``zoo benchmark``: counts against loops by hand, one decoding for everything, Records, ensembles, bad input."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch import Trainer

import zoo
import zoo.data
import zoo.data.protocol_images
from zoo.benchmark.verb import output_folder
from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.data.photos.transforms import TRANSFORMS
from zoo.data.smoke import drawn_photo
from zoo.results import provenance
from zoo.results.record import Record

DIGITS = {"class_path": "zoo.data.Digits", "init_args": {"batch_size": 32}}


def trained(folder, data, seed=0, name="lenet5", **options):
    """A run folder as ``zoo fit`` leaves it, of a network that nobody trained."""
    torch.manual_seed(seed)
    network = zoo.get_model(name, **options)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    (folder / "checkpoints").mkdir(parents=True)
    described = {"name": network.name, "variant": network.variant, "options": network.options}
    state = {f"network.{key}": value for key, value in network.state_dict().items()}
    torch.save({"state_dict": state, "zoo_network": described}, folder / "checkpoints" / "last.ckpt")
    model = {"class_path": f"zoo.models.{NETWORKS[name].model}", "init_args": {}}
    config = {"seed_everything": seed, "data": data, "model": model, "trainer": {"max_epochs": 1}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six generated photos of two classes, and two networks for them."""
    root = tmp_path_factory.mktemp("imagenet")
    for number in range(6):
        for split in ("train", "val"):
            place = root / split / f"n{number % 2:08d}"
            place.mkdir(parents=True, exist_ok=True)
            drawn_photo(number % 2, number).save(place / f"{number}.JPEG")
    options = {"root": str(root), "transform": "vgg", "num_held_out": 0, "num_workers": 0}
    data = {"class_path": "zoo.data.ImageNet", "init_args": options}
    made = {"variant": "modern", "in_channels": 3, "num_classes": 2}
    return [str(trained(root / f"net{seed}", data, seed, **made)) for seed in (0, 1)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return [str(trained(folder / f"net{seed}", DIGITS, seed)) for seed in (0, 1)]


def benchmark(*words):
    assert main(["benchmark", *words]) == 0


def records_in(folder):
    return {path.name: Record.read(path) for path in folder.iterdir()}


def test_single_view_is_what_a_loop_over_the_test_split_counts(digits, tmp_path):
    benchmark(digits[0], "--output", str(tmp_path / "out"))
    ((name, record),) = records_in(tmp_path / "out").items()
    assert name == "net0-seed0-centre.json"
    network, data = zoo.load(digits[0]), zoo.data.Digits(batch_size=50)
    data.setup()
    wrong = losses = 0
    with torch.no_grad():
        for images, labels in data.test_dataloader():
            logits = network(images).double()
            wrong += int((logits.argmax(1) != labels).sum())
            losses -= float(logits.log_softmax(1)[torch.arange(len(labels)), labels].sum())
    assert record.metrics["top1_wrong"] == wrong
    assert record.metrics["loss"] == pytest.approx(losses / 360, rel=1e-5)
    assert (record.n, record.protocol, record.seed) == (360, "single view", 0)
    assert (record.network, record.variant, record.parameters) == ("lenet5", "paper", 60_000)
    assert record.dataset["fingerprint"] == data.fingerprint
    assert record.config["data"] == DIGITS
    assert record.config["benchmark"] == {"protocol": "centre", "batch_size": 128}
    assert record.compute["macs"] == 326_520


def test_many_protocols_and_networks_decode_and_scale_each_photo_once(photos, tmp_path, monkeypatch, capsys):
    decoded, scaled = [], []
    read, vgg = zoo.data.photos.photos.read_rgb, TRANSFORMS["vgg"]
    counting = replace(vgg, scale=lambda image, side: scaled.append(side) or vgg.scale(image, side))
    monkeypatch.setitem(TRANSFORMS, "vgg", counting)
    monkeypatch.setattr(zoo.data.photos.photos, "read_rgb", lambda path: decoded.append(path.name) or read(path))
    protocols = ["centre", "ten-crop", "dense-40-64", "multi-crop-40-64", "multi-crop+dense-40-64"]
    benchmark(*photos, "--protocol", ",".join(protocols), "--output", str(tmp_path / "out"), "--batch_size", "4")
    assert sorted(decoded) == [f"{number}.JPEG" for number in range(6)]
    assert sorted(scaled) == [40] * 6 + [64] * 6 + [256] * 6
    records = records_in(tmp_path / "out")
    assert set(records) == {f"net{n}-seed{n}-{protocol}.json" for n in (0, 1) for protocol in protocols}
    assert {record.n for record in records.values()} == {6}
    stored = records["net1-seed1-multi-crop+dense-40-64.json"].protocol
    assert stored == "100 crops and dense, Q = 40, 64"
    assert f"| {stored} |" in capsys.readouterr().out


def test_networks_with_other_preprocessing_see_their_own_images(photos, tmp_path):
    data = yaml.safe_load((Path(photos[0]) / "config.yaml").read_text())["data"]
    data["init_args"]["transform"] = "torchvision"
    # The same weights as the first network, so that nothing but the images can tell them apart.
    made = {"variant": "modern", "in_channels": 3, "num_classes": 2}
    other = str(trained(tmp_path / "standardised", data, 0, **made))
    benchmark(photos[0], other, "--protocol", "centre", "--output", str(tmp_path / "both"))
    losses = {}
    for number, one in enumerate((photos[0], other)):
        benchmark(one, "--protocol", "centre", "--output", str(tmp_path / str(number)))
        (alone,) = records_in(tmp_path / str(number)).values()
        together = Record.read(tmp_path / "both" / f"{Path(one).name}-seed0-centre.json")
        losses[one] = (together.metrics["loss"], alone.metrics["loss"])
        assert together.config["data"] == alone.config["data"]
    assert all(together == pytest.approx(alone, rel=1e-5) for together, alone in losses.values())
    assert len({round(alone, 3) for _, alone in losses.values()}) == 2


def test_a_record_has_the_seed_of_its_networks_training(digits, tmp_path):
    benchmark(*digits, "--output", str(tmp_path / "out"))
    seeds = {name: record.seed for name, record in records_in(tmp_path / "out").items()}
    assert seeds == {"net0-seed0-centre.json": 0, "net1-seed1-centre.json": 1}


def test_the_integers_do_not_depend_on_the_batch_size(photos, tmp_path):
    for size in ("1", "4", "1000"):
        benchmark(photos[0], "--protocol", "ten-crop,dense-64", "--batch_size", size, "--output", str(tmp_path / size))
    first, *others = (records_in(tmp_path / size) for size in ("1", "4", "1000"))
    for other in others:
        for name, record in first.items():
            for key in ("top1_wrong", "top5_wrong", "per_class", "confusion"):
                assert other[name].metrics[key] == record.metrics[key]
            # Each image has its part in the loss.
            assert other[name].metrics["loss"] == pytest.approx(record.metrics["loss"], rel=1e-5)


@pytest.mark.slow
def test_two_processes_count_what_one_counts(digits, tmp_path, zoo_process):
    words = ("benchmark", *digits, "--protocol", "centre,six-views")
    zoo_process(*words, "--output", str(tmp_path / "two"), "--devices", "2", "--batch_size", "7")
    benchmark(*words[1:], "--output", str(tmp_path / "one"))
    one, two = records_in(tmp_path / "one"), records_in(tmp_path / "two")
    assert len(one) == 4
    assert {name: (r.n, r.metrics["top1_wrong"], r.metrics["top5_wrong"]) for name, r in one.items()} == {
        name: (r.n, r.metrics["top1_wrong"], r.metrics["top5_wrong"]) for name, r in two.items()
    }
    assert {record.environment["processes"] for record in two.values()} == {2}


def test_the_code_is_that_which_was_imported_whatever_is_committed_while_it_measures(digits, tmp_path, monkeypatch):
    commits, test = ["a" * 40], Trainer.test
    monkeypatch.setattr(provenance, "checkout_of", lambda package: tmp_path)
    monkeypatch.setattr(provenance, "_git", lambda checkout, *words: commits[-1] if words[0] == "rev-parse" else "")
    monkeypatch.setattr(Trainer, "test", lambda *given, **named: commits.append("b" * 40) or test(*given, **named))
    benchmark(digits[0], "--protocol", "centre,six-views", "--output", str(tmp_path / "out"))
    assert commits[-1] == "b" * 40
    assert [record.git["commit"] for record in records_in(tmp_path / "out").values()] == ["a" * 40] * 2


def test_an_ensemble_is_one_record_of_the_mean_of_the_probabilities(digits, tmp_path, capsys):
    benchmark(*digits, "--ensemble", "--output", str(tmp_path / "out"))
    ((name, record),) = records_in(tmp_path / "out").items()
    assert name == "ensemble-of-2-centre.json"
    data = zoo.data.Digits(batch_size=360)
    data.setup()
    ((images, labels),) = data.test_dataloader()
    with torch.no_grad():
        mean = sum(zoo.load(path)(images).double().softmax(1) for path in digits).numpy() / 2
    assert record.metrics["top1_wrong"] == int((mean.argmax(axis=1) != labels.numpy()).sum())
    assert record.metrics["loss"] == pytest.approx(-np.log(mean[np.arange(360), labels.numpy()]).mean(), rel=1e-4)
    assert (record.seed, record.parameters, len(record.weights["members"])) == (None, 120_000, 2)


def test_a_prepared_store_gives_the_same_single_view_and_ten_crops_and_has_no_other_scale(photos, tmp_path, capsys):
    root = yaml.safe_load(Path(photos[0], "config.yaml").read_text())["data"]["init_args"]["root"]
    store = str(tmp_path / "store")
    assert main(["data", "prepare", "imagenet", "--root", root, "--output", store, "--workers", "1"]) == 0
    words = ("--protocol", "centre,ten-crop")
    benchmark(photos[0], *words, "--output", str(tmp_path / "files"))
    benchmark(photos[0], *words, "--data.root", store, "--output", str(tmp_path / "stored"))
    files, stored = records_in(tmp_path / "files"), records_in(tmp_path / "stored")
    assert {name: record.metrics for name, record in files.items()} == {n: r.metrics for n, r in stored.items()}
    capsys.readouterr()
    assert main(["benchmark", photos[0], "--data.root", store, "--protocol", "dense-64"]) == 2
    assert "holds photos at 256 pixels, and a protocol wants them at 64" in capsys.readouterr().err


def test_predictions_of_one_measurement_are_written_beside_its_record(photos, tmp_path, capsys):
    words = ("--protocol", "dense-64", "--batch_size", "4", "--output", str(tmp_path / "out"))
    benchmark(photos[0], *words, "--predictions", str(tmp_path / "seen.npz"))
    ((_, record),) = records_in(tmp_path / "out").items()
    with np.load(tmp_path / "seen.npz") as seen:
        assert len(seen["index"]) == 6
        wrong = int((seen["probabilities"].argmax(axis=1) != seen["label"]).sum())
    assert record.metrics["top1_wrong"] == wrong
    assert main(["benchmark", *photos, *words, "--predictions", str(tmp_path / "two.npz")]) == 2
    assert "one network under one protocol" in capsys.readouterr().err


def test_a_run_keeps_what_its_own_record_says_of_its_training(tmp_path, in_folder):
    quiet = ("--trainer.enable_progress_bar", "false")
    assert main(["fit", "--config", "lenet5_digits", "--trainer.max_steps", "2", "--run_dir", "run", *quiet]) == 0
    benchmark("run", "--output", "out")
    ((_, record),) = records_in(in_folder / "out").items()
    own = Record.read(in_folder / "run" / "record.json")
    assert record.weights == own.weights
    assert record.metrics["top1_wrong"] == own.metrics["top1_wrong"]
    assert record.timing["train_images"] == own.timing["train_images"] > 0
    assert {key: value for key, value in record.config.items() if key != "benchmark"} == own.config


def test_images_that_a_loader_leaves_out_stop_the_benchmark(digits, tmp_path, monkeypatch, capsys):
    whole = zoo.data.protocol_images.Batches
    monkeypatch.setattr(
        zoo.data.protocol_images, "Batches", lambda n, *words, **options: whole(n - 1, *words, **options)
    )
    assert main(["benchmark", digits[0], "--output", str(tmp_path / "out")]) == 2
    assert "Of 360 test images, 1 was not scored (first: index 359)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_one_that_is_interrupted_ends_as_interrupted_commands_do(digits, tmp_path, monkeypatch, capsys):
    def interrupted(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(zoo.data.protocol_images.ProtocolImages, "on_after_batch_transfer", interrupted)
    assert main(["benchmark", digits[0], "--output", str(tmp_path / "out")]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--protocol", "tencrop"], "did you mean ten-crop"),
        (["--protocol", "ten-crop"], "the network's own size: choose centre"),
        (["--protocol", "dense-32"], "dense-32 does not fit net0-seed0: lenet5's layer f6_squash cannot be moved"),
        (["--protocol", "multi-crop-256"], "scales photographs"),
        (["--data", "Digit"], "did you mean Digits"),
        (["--data", "CIFAR10", "--data.root", "nowhere"], "No CIFAR-10 in"),
        (["--data", "FiveDigits"], "16x16, but the network takes 32x32"),
        (["--data.root", "somewhere"], "Digits has no option 'root'"),
        (["--data.transform", "nonsense"], "Digits has no transform 'nonsense'"),
        (["--ensemble"], "An ensemble is two or more networks"),
        (["--warmup", "3"], "--warmup is for zoo benchmark --speed"),
        (["--predictions", "x.txt"], "x.txt"),
        (["--batch_size", "0"], "--batch_size must be at least 1"),
        (["--devices", "none"], "--devices none is not available"),
        (["--output", "/proc/nowhere/at/all"], "Cannot write to /proc/nowhere/at/all"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(digits, in_folder, capsys, words, sentence):
    output = [] if "--output" in words else ["--output", "out"]
    assert main(["benchmark", digits[0], *words, *output]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.startswith("zoo: ")
    assert shown.err.strip().count("\n") == 0
    assert not any(in_folder.iterdir())


def test_data_of_other_classes_or_channels_are_refused(photos, in_folder, capsys):
    assert main(["benchmark", photos[0], "--data", "Digits", "--output", "out"]) == 2
    assert "1 channels, but net0-seed0 takes 3" in capsys.readouterr().err


def test_more_classes_than_outputs_are_refused(digits, tmp_path, capsys):
    few = trained(tmp_path / "few", DIGITS, num_classes=7)
    assert main(["benchmark", str(few), "--output", str(tmp_path / "out")]) == 2
    assert "10 classes, but few-seed0 has 7 outputs" in capsys.readouterr().err


def test_a_record_is_never_overwritten(digits, tmp_path, capsys):
    benchmark(digits[0], "--output", str(tmp_path / "out"))
    before = (tmp_path / "out" / "net0-seed0-centre.json").read_bytes()
    assert main(["benchmark", digits[0], "--output", str(tmp_path / "out")]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert (tmp_path / "out" / "net0-seed0-centre.json").read_bytes() == before


def test_weights_that_must_be_fetched_need_a_network(in_folder, capsys, monkeypatch):
    asked = []

    def refused(url, *words, **options):
        asked.append(url)
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(in_folder / "home"))
    monkeypatch.setattr("torch.hub._hub_dir", None)
    monkeypatch.setattr("torch.hub.download_url_to_file", refused)
    assert main(["benchmark", "torchvision/alexnet", "--data", "ImageNet", "--data.root", "."]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    (url,) = asked
    assert f"torchvision/alexnet cannot be fetched from {url} (no route to host): " in line
    assert not [path for path in in_folder.rglob("*") if path.is_file()]


def test_reproduce_says_how_a_benchmark_is_run_again(digits, tmp_path, capsys):
    benchmark(digits[0], "--protocol", "six-views", "--output", str(tmp_path / "out"))
    capsys.readouterr()
    assert main(["reproduce", str(next((tmp_path / "out").iterdir()))]) == 2
    assert "then measure that run with zoo benchmark RUN --protocol six-views" in capsys.readouterr().err


def test_the_record_is_json_with_its_schema(digits, tmp_path):
    benchmark(digits[0], "--protocol", "six-views", "--output", str(tmp_path / "out"))
    (path,) = (tmp_path / "out").iterdir()
    content = json.loads(path.read_text())
    assert content["schema"] == 1
    assert content["protocol"] == "six shifted and flipped views"


def test_speed_is_measured_of_networks_by_name(in_folder, capsys):
    words = ("--speed", "--batch_sizes", "1,2", "--warmup", "1", "--repeats", "2", "--forms", "float32")
    benchmark("lenet5", *words, "--output", "out")
    (path,) = (in_folder / "out").iterdir()
    rows = json.loads(path.read_text())["rows"]
    assert {(row["mode"], row["batch_size"]) for row in rows} == {(m, n) for m in ("eval", "train") for n in (1, 2)}
    assert main(["benchmark", "lenet5", "--speed", "--batch_sizes", "a few"]) == 2
    assert "--batch_sizes are whole numbers" in capsys.readouterr().err


def test_a_folder_that_somebody_removes_meanwhile_is_gone(tmp_path):
    folder = tmp_path / "records"
    with output_folder(folder):
        folder.rmdir()
    assert not folder.exists()
