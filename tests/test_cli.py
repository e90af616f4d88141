import subprocess
import sys

import pytest

import zoo
from zoo.cli import main
from zoo.commands import VERBS

SHORT = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.enable_progress_bar", "false"]


def error_of(capsys, *words):
    """The one line on standard error of a command that must end with status 2."""
    assert main(list(words)) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("zoo: ")
    assert "Traceback" not in captured.err + captured.out
    return line


def loaded_by(*words):
    """The heavy packages that a command imports, seen in a fresh interpreter."""
    code = (
        "import sys; from zoo.cli import main; main(sys.argv[1:]);"
        "print('HEAVY', sorted({'torch', 'lightning', 'numpy', 'yaml', 'jsonargparse'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "words", [["--help"], ["list", "models"], ["list", "configs"], ["list", "data"], ["--version"]]
)
def test_what_only_lists_imports_nothing_heavy(words):
    assert loaded_by(*words) == "HEAVY []"


@pytest.mark.parametrize(
    "words",
    [
        ["fit"],
        ["fit", "--config", "lenet5_digit"],
        ["fit", "--config=pyproject.toml", "--data.root", "data"],
        ["fit", "--config"],
        ["fit", "--resume", "no_such_run"],
        ["fit", "--config", "lenet5_digits", "--ckpt_path", "a.ckpt", "--init_from", "b.ckpt"],
        ["test", "--config", "lenet5_digits"],
        ["predict", "--config", "no_such_config"],
        ["benchmark", "lenet5/mnist", "lenet5/nowhere"],
        ["benchmark", "--speed", "lenet5-no_such_variant"],
        ["demo", "no_such_run"],
        ["classify", "", "photo.jpg"],
        ["export", "no_such_file.ckpt", "--format", "onnx"],
        ["figure", "tsne", "pixels", "no_such_run", "--output", "f.png"],
    ],
    ids=" ".join,
)
def test_words_that_cannot_be_right_are_refused_before_torch_is_imported(words):
    assert "torch" not in loaded_by(*words)


def test_words_that_may_be_right_are_left_to_the_parser():
    assert "torch" in loaded_by("fit", "--model", "no_such_model")


@pytest.mark.parametrize("words", [["--config", "lenet5_digits"], ["--config=configs/lenet5_digits.yaml"]])
def test_help_is_given_behind_a_config_too(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(["fit", *words, "--help"])
    assert ended.value.code == 0
    assert "--run_dir" in capsys.readouterr().out


def test_help_is_given_before_a_config_that_is_not_there(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["fit", "-h", "--config", "no_such_config"])
    assert ended.value.code == 0
    assert "--run_dir" in capsys.readouterr().out


def test_importing_zoo_is_light():
    code = "import sys, zoo; zoo.list_models(); print(sorted({'torch', 'lightning', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("is_command", "heavy"),
    [
        (True, []),
        pytest.param(
            False, ["matplotlib", "scipy.signal", "torchvision.ops"], marks=pytest.mark.slow, id="own_program"
        ),
    ],
)
def test_lightnings_metrics_of_sound_and_boxes_are_not_waited_for_and_are_whole_for_everybody_else(is_command, heavy):
    names = "{'scipy.signal', 'matplotlib', 'torchvision.ops'}"
    code = f"import sys; from zoo.cli import main; main(%s); print('HEAVY', sorted({names} & set(sys.modules)))"
    # Data modules are Lightning's.
    words = ["data", "info", "Symmetry"]
    called = [sys.executable, "-c", code % ("" if is_command else words), *(words if is_command else [])]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"HEAVY {heavy}"


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"zoo {verb}" in text for verb in ("fit", "validate", "test", "predict", "list", "info"))


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_help_of_a_verb_fits_on_a_screen(capsys, verb):
    assert main([verb, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert any("--ckpt_path" in line for line in lines)


def test_help_of_a_model_lists_its_options(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--model.help", "LeNet5Model"])
    usage, _, options = capsys.readouterr().out.partition("\n\n")
    expected = "usage: zoo fit --config FILE --model zoo.models.LeNet5Model [--model.KEY VALUE ...]"
    assert " ".join(usage.split()) == expected
    assert "--model.variant" in options


def test_lists_show_what_there_is(capsys):
    main(["list", "models"])
    main(["list", "configs"])
    main(["list", "data"])
    text = capsys.readouterr().out
    assert all(word in text for word in ("perceptron", "vgg16", "lenet5_digits", "overlays/smoke", "CIFAR10"))


def test_networks_are_listed_by_year_then_name(capsys):
    main(["list", "models"])
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in rows] == zoo.list_models()
    assert [(int(year), name) for name, year in rows] == sorted((int(year), name) for name, year in rows)
    assert rows[0] == ["linear", "1958"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["bogus"], ["'bogus'", "zoo --help"]),
        (["list", "everything"], ["everything", "models"]),
        (["fit"], ["--config", "zoo list configs"]),
        (["fit", "--config", "lenet5_digit"], ["lenet5_digit", "did you mean lenet5_digits"]),
        (["fit", "--config", "lenet5_digits", "--trainer.max_epoch", "1"], ["trainer.max_epoch", "max_epochs"]),
        (["fit", "--config", "lenet5_digits", "--model.varian", "modern"], ["model.varian", "variant"]),
        (
            ["fit", "--config", "lenet5_digits", "--model.variant", "new"],
            ["model.variant", "paper, linear, modern, caffe", "'new'"],
        ),
        (
            ["fit", "--config", "lenet5_digits", "--data.batch_size", "ten"],
            ["data.batch_size", "whole number", "'ten'"],
        ),
        (["fit", "--config", "lenet5_digits", "--data.batch_size", "0"], ["data.batch_size", "at least 1", "0"]),
        (["fit", "--config", "lenet5_digits", "--trainer.max_epochs", "few"], ["trainer.max_epochs", "'few'"]),
        (["fit", "--config", "lenet5_digits", "--trainer.devices", "many"], ["devices"]),
        (["fit", "--config", "lenet5_digits", "--model.optimizer.lr", "fast"], ["model.optimizer.lr", "'fast'"]),
        (["fit", "--config", "lenet5_digits", "--model", "LeNet"], ["'LeNet'", "LeNet5Model"]),
        (["fit", "--config", "lenet5_digits", "--data", "Digit"], ["'Digit'", "Digits"]),
        (["fit", "--config", "lenet5_digits", "--model.num_classes", "11"], ["ten classes", "linear"]),
        (["fit", "--config", "lenet5_digits", "--model.optimizer.lr", "-1"], ["-1", "model.optimizer"]),
        (
            ["fit", "--config", "lenet5_digits", "--model.optimizer", "zoo.optim.SDLM", "--model.optimizer.mu", "0"],
            ["mu"],
        ),
        (["fit", "--config", "lenet5_digits", "--model.num_classes", "5"], ["10 classes", "--model.num_classes 10"]),
        (["fit", "--config", "lenet5_digits", "--data.num_held_out", "5000"], ["5000", "1437"]),
        (["fit", "--config", "lenet5_digits", "--ckpt_path", "gone.ckpt"], ["gone.ckpt"]),
        (["fit", "--config", "lenet5_digits", "--wandb.projct", "x"], ["wandb.projct", "project"]),
        (["fit", "--config", "lenet5_digits", "--modl.variant", "x"], ["'modl.variant': did you mean model.variant?"]),
        (["fit", "--model.help", "AlexNet"], ["no class 'AlexNet' for --model.help: did you mean AlexNetModel?"]),
        (["fit", "--model.help", "Misspelt"], ["no class 'Misspelt' for --model.help: it takes", "LeNet5Model, "]),
        (["fit", "--model.help", "torch.Nothing"], ["no class 'torch.Nothing' for --model.help: it takes"]),
        (["fit", "--data.help", "CIFAR"], ["no class 'CIFAR' for --data.help: did you mean CIFAR10?"]),
        (["fit", "--config", "lenet5_digits", "--data.batch_size"], ["--data.batch_size has no value: write"]),
        (["fit", "--config", "lenet5_digits", "--run_dir", "--test", "false"], ["--run_dir has no value: write"]),
        (["fit", "--config"], ["--config has no value: write"]),
        (["test"], ["--ckpt_path"]),
        (["fit", "--config", "configs/alexnet.yaml"], ["imagenet", "image-net.org", "overlays/smoke"]),
        (["fit", "--config", "linear_cifar10"], ["CIFAR-10", "--data.download true"]),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(capsys, in_folder, words, parts):
    line = error_of(capsys, *words)
    assert all(part in line for part in parts), line
    assert list(in_folder.iterdir()) == []


def test_an_unknown_key_in_a_file_is_named(capsys, in_folder):
    (in_folder / "mine.yaml").write_text("data: {class_path: Digits}\nmodel: {class_path: LeNet5Model}\ntrainr: {}\n")
    line = error_of(capsys, "fit", "--config", "mine.yaml")
    assert "mine.yaml" in line
    assert "'trainr': did you mean trainer" in line


def test_an_unknown_key_of_the_trainer_in_a_file_is_named(capsys, in_folder):
    (in_folder / "mine.yaml").write_text("data: {class_path: Digits}\nmodel: LeNet5Model\ntrainer: {max_epoch: 3}\n")
    assert "'trainer.max_epoch': did you mean trainer.max_epochs?" in error_of(capsys, "fit", "--config", "mine.yaml")


def test_broken_yaml_is_named_with_its_line(capsys, in_folder):
    (in_folder / "mine.yaml").write_text("data: {class_path: Digits\nmodel: 3\n")
    assert "mine.yaml, line 2" in error_of(capsys, "fit", "--config", "mine.yaml")


def test_a_config_without_keys_is_refused(capsys, in_folder):
    (in_folder / "mine.yaml").write_text("just words\n")
    assert "mine.yaml" in error_of(capsys, "fit", "--config=mine.yaml")


def test_a_truncated_cifar_batch_is_named(capsys, in_folder):
    folder = in_folder / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (folder / f"{name}.bin").write_bytes(bytes(1000))
    line = error_of(capsys, "fit", "--config", "linear_cifar10", *SHORT)
    assert "data_batch_1.bin has 1,000 bytes instead of 30,730,000" in line
    assert not (in_folder / "runs").exists() or not list((in_folder / "runs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def broken_photos(tmp_path_factory):
    """The folder of a data set whose photographs to learn from are text."""
    from zoo.data.smoke import SmokeImageNet

    folder = tmp_path_factory.mktemp("photos")
    SmokeImageNet(root=folder).prepare_data()
    for broken in (folder / "train").rglob("*.JPEG"):
        broken.write_text("not a photo")
    return folder


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_text_file_named_jpeg_is_named(capsys, in_folder, broken_photos, workers):
    data = ["--data", "SmokeImageNet", "--data.root", str(broken_photos), "--data.num_workers", workers]
    # No network of millions of weights for one step that never comes.
    model = ["--model", "LinearModel", "--model.input_size", "224", "--model.num_classes", "10"]
    line = error_of(capsys, "fit", *data, *model, "--trainer.num_sanity_val_steps", "0", *SHORT)
    assert ".JPEG is not a readable image" in line
    assert not list(in_folder.rglob("config.yaml"))


@pytest.mark.parametrize("columns", [60, 100])
@pytest.mark.parametrize("what", ["models", "weights"])
def test_a_list_fits_its_terminal(what, columns, capsys, monkeypatch):
    main(["list", what])
    through_a_pipe = capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["list", what])
    folded = capsys.readouterr().out
    assert max(map(len, through_a_pipe.splitlines())) > 100
    assert max(map(len, folded.splitlines())) <= columns
    assert folded.split() == through_a_pipe.split()
    names = {line.split()[0] for line in through_a_pipe.splitlines()}
    assert {line.split()[0] for line in folded.splitlines() if not line.startswith(" ")} == names


def test_a_list_of_nothing_asks_of_what(capsys):
    assert main(["list"]) == 2
    assert capsys.readouterr().err == (
        "zoo: What shall be listed? zoo list takes models, configs, data, weights or runs.\n"
    )


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_the_help_page_fits_the_terminal_and_names_every_verb(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    # A call is not broken: it is copied.
    assert all(len(line) <= width or line.startswith("  zoo ") or "runs/" in line for line in page.splitlines())
    assert all(f"  zoo {verb}" in page for verb in VERBS if verb != "runs")
