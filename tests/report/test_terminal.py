"""zoo table in a terminal: it fits, says what it leaves out, and shows what is asked for."""

import os
import pty
import subprocess
import sys

import pytest
from results_cases import make_record, write_records

from zoo.cli import main
from zoo.report.formats import Column, Table
from zoo.report.selection import Selection, selected
from zoo.report.tables import document, measured, rows_of
from zoo.report.terminal import render
from zoo.results.published import load

COLUMNS = (Column("network"), Column("MACs", True), Column("training"), Column("top-1 error, %", True))
TABLE = Table("Digits", COLUMNS, [["lenet5", "326,520", "SGD with a long name, 20 epochs", "0.88 ± 0.08"]], [[]])


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(width):
    text = render([TABLE], width)
    assert max(map(len, text.splitlines())) <= width
    assert "0.88 ± 0.08" in text
    assert ("326,520" in text) is ("No room for MACs" not in text)


@pytest.mark.parametrize("texts", [["SGD with a long name, 20 epochs"], []])
def test_in_every_width_a_column_of_numbers_is_whole_or_named_and_the_least_needed_goes_first(texts):
    counts = ["MACs", "n", "training MACs", "images seen", "parameters"]
    numbers = tuple(Column(name, True) for name in counts)
    columns = (Column("network"), *numbers, *(Column("training") for _ in texts), Column("top-1 error, %", True))
    shown = [f"{number}23,456,789,012,345,678" for number in range(len(counts))]
    table = Table("Digits", columns, [["lenet5", *shown, *texts, "0.88 ± 0.08"]], [[]])
    for width in range(34, 220):
        text = render([table], width)
        body, _, said = text.partition("No room for")
        left_out = " ".join(said.split()).removesuffix(".").split(", ") if said else []
        assert left_out == [*counts, "training"][: len(left_out)], width
        assert [number in body for number in shown] == [name not in left_out for name in counts], width
        assert "0.88 ± 0.08" in body, width
        assert max(map(len, text.splitlines())) <= width


def test_a_wide_terminal_has_everything_in_one_line_a_row():
    (line,) = (line for line in render([TABLE], 200).splitlines() if "lenet5" in line)
    assert " ".join(line.split()) == "lenet5 326,520 SGD with a long name, 20 epochs 0.88 ± 0.08"


@pytest.fixture
def folder(tmp_path):
    """Two networks on MNIST: 5 and 1 % wrong."""
    records = [
        make_record(network="lenet5", dataset="mnist", n=10_000, wrong=100),
        make_record(network="linear", dataset="mnist", n=10_000, wrong=500),
    ]
    write_records(tmp_path, records)
    return tmp_path


def networks(folder, **options):
    rows = selected(rows_of("mnist", measured(folder), load()), Selection(**options))
    return [row.network for row in rows if row.runs]


def test_networks_are_chosen_and_sorted(folder):
    assert networks(folder) == ["linear", "lenet5"]
    assert networks(folder, sort="network") == ["linear", "lenet5"]
    assert networks(folder, sort="parameters") == ["linear", "lenet5"]  # made up with as many: as they were
    assert networks(folder, networks=("lenet5",)) == ["lenet5"]


def test_columns_are_chosen_by_the_beginnings_of_their_headings(folder):
    text = document("mnist", "md", folder, Selection(columns=("top-1", "network")))
    assert text.splitlines()[2] == "| top-1 error, % | network |"
    assert "training" not in text.splitlines()[2]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--columns", "nework"], ["'nework'", "did you mean network?"]),
        (["--networks", "lenet"], ["'lenet'", "did you mean lenet5?"]),
        (["--columns", "network", "--format", "csv"], ["csv keeps everything"]),
        (["--sort", "eror"], ["did you mean error?"]),
    ],
)
def test_wrong_names_are_one_sentence(folder, capsys, words, parts):
    assert main(["table", "mnist", "--records", str(folder), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts)


def in_terminal(*words, columns):
    """What the command prints where its output is a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "zoo", "table", *words], stdout=theirs, env=os.environ | {"COLUMNS": str(columns)}
    )
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    assert done.wait() == 0
    return text.decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table_that_fits_and_a_pipe_markdown(folder, capsys):
    text = in_terminal("mnist", "--records", str(folder), columns=72)
    assert "|" not in text
    assert max(map(len, text.splitlines())) <= 72
    assert "published, not measured here" not in text
    assert text.splitlines()[-1].startswith("--all")
    everything = in_terminal("mnist", "--records", str(folder), "--all", columns=72)
    assert "published, not measured here" in everything
    assert main(["table", "mnist", "--records", str(folder)]) == 0
    assert capsys.readouterr().out == document("mnist", "md", folder)


def test_a_recipe_that_a_later_one_replaced_is_folded():
    rows = rows_of("cifar10", measured(None), load())
    of_perceptron = {row.training: row.replaced for row in rows if row.network == "perceptron" and row.runs}
    assert of_perceptron == {"standard, 5 epochs, 5,000 images held out": True, "standard, 5 epochs": False}
    assert not [row for row in selected(rows, Selection(folded=True)) if row.replaced]
    assert all(row.network != "lenet5" or row.replaced or "convnetjs" in row.training for row in rows if row.runs)


def test_the_steps_of_a_training_that_went_on_are_folded_under_each_protocol():
    rows = [row for row in rows_of("cifar10", measured(None), load()) if row.network == "alexnet" and row.runs]
    for protocol in {row.protocol for row in rows}:
        *steps, last = sorted((row for row in rows if row.protocol == protocol), key=lambda row: -row.top1_error)
        assert steps
        assert all(row.replaced for row in steps)
        assert not last.replaced


@pytest.mark.parametrize("columns", [60, 100])
def test_a_word_is_not_broken_where_there_is_room(columns):
    table = Table(
        "t", [Column("training"), Column("verdict")],
        [("AdamW, crop_flip_cutout, 40 epochs, " * 3, "not comparable: " + "why, " * 30)], [[]],
    )  # fmt: skip
    text = render([table], columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "crop_flip_cutout," in text
    assert "comparable:" in text
