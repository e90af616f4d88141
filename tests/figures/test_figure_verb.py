"""``zoo figure``: its kinds, its words, its files."""

import inspect

import pytest
from PIL import Image

from zoo import figures
from zoo.cli import main
from zoo.figures.kinds import KINDS, OPTIONS, function_of
from zoo.figures.style import THEMES, theme


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_function_that_takes_its_options(name):
    drawn = getattr(figures, function_of(name))
    parameters = inspect.signature(drawn).parameters.values()
    keywords = [one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
    assert sorted(keywords) == sorted(KINDS[name].options)
    assert set(KINDS[name].options) <= set(OPTIONS)
    assert len(inspect.getdoc(drawn).splitlines()[0]) < 120


@pytest.mark.parametrize("ending", ["png", "svg", pytest.param("pdf", marks=pytest.mark.slow)])
def test_the_same_picture_is_the_same_file_and_says_what_it_shows(ending, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        words = ["linear/mnist", "--units", "0", "1", "--output", str(tmp_path / folder / f"f.{ending}")]
        assert main(["figure", "templates", *words]) == 0
    first, second = ((tmp_path / folder / f"f.{ending}").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert b"Weights of 2 classes of linear/mnist" in first


def test_a_dark_page_gets_dark_paper(tmp_path):
    words = ["linear/mnist", "--units", "0", "--theme", "dark", "--output", str(tmp_path / "f.png")]
    assert main(["figure", "templates", *words]) == 0
    with Image.open(tmp_path / "f.png") as image:
        paper = image.convert("RGB").getpixel((0, 0))
    assert "#{:02x}{:02x}{:02x}".format(*paper) == THEMES["dark"].paper
    # It holds for a block, not for what comes after.
    with theme("dark"):
        pass
    assert figures.templates("linear/mnist", units=[0]).get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["template", "linear/mnist"], "did you mean templates?"),
        (["templates"], "The figure templates is of 1 WEIGHTS, not of 0: zoo figure templates WEIGHTS --output F.png."),
        (["templates", "linear/mnist", "--units", "10"], "fc has no unit 10: they are 0 to 9."),
        (["templates", "linear/mnist", "--layer", "fc2"], "that read pixels are fc, not fc2."),
        (["templates", "lenet5/mnist"], "lenet5 paper has no units that read all pixels"),
        (["templates", "linear/nothing"], "There are no weights 'linear/nothing'"),
    ],
)
def test_bad_words_are_one_sentence_and_leave_no_file(words, sentence, in_folder, capsys):
    assert main(["figure", *words, "--output", "f.png"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(in_folder.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        "figure templates linear/mnist --output", "report linear/mnist --output",
        "compare linear/mnist mlp/mnist --output",
        "table digits --chart", "table digits --ladder", "table digits --output", "data info Digits --output",
        "data verify Digits --output",
    ],
)  # fmt: skip
def test_a_folder_that_is_not_there_is_told_before_anything_is_computed(words, in_folder, capsys, monkeypatch):
    def nothing(*ignored, **options):
        raise AssertionError("computed first")

    for place in ("zoo.figures.templates", "zoo.page.document.write_report", "zoo.comparison.sources.runs_of",
                  "zoo.report.tables.document", "zoo.data.digits.Digits.read"):  # fmt: skip
        monkeypatch.setattr(place, nothing)
    assert main([*words.split(), "nowhere/f.png"]) == 2
    assert capsys.readouterr().err == "zoo: There is no folder nowhere to write f.png to: make it first.\n"
    assert not list(in_folder.iterdir())


def test_only_three_kinds_of_files_are_written(in_folder, capsys):
    assert main(["figure", "templates", "linear/mnist", "--output", "f.jpg"]) == 2
    assert capsys.readouterr().err == "zoo: A figure is .png, .svg or .pdf, not f.jpg: give it one of these endings.\n"
