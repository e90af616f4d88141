"""Charts: what is in them, the same bytes again, and bad words."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from PIL import Image
from results_cases import make_record, write_records

from zoo.cli import main
from zoo.report.chart import HELD_HERE, draw
from zoo.results.published import load


@pytest.fixture
def folder(tmp_path):
    records = tmp_path / "records"
    records.mkdir()
    nets = {"vgg16": (13_500, 4_400), "alexnet": (20_400, 9_100)}
    for network, (wrong, wrong5) in nets.items():
        record = make_record(network=network, dataset="imagenet", n=50_000, wrong=wrong, wrong5=wrong5, classes=1000)
        write_records(records, [record])
    write_records(records, [make_record(wrong=wrong, seed=seed) for seed, wrong in enumerate((90, 95, 103))])
    return records


def words_in(path):
    """The texts of an SVG in the order of drawing: matplotlib writes each beside its outlines, as a comment."""
    return re.findall(r"<!-- (.+?) -->", path.read_text())


@pytest.mark.parametrize(
    ("which", "form"),
    [
        ("ilsvrc", "png"), ("mnist", "svg"), pytest.param("ilsvrc", "svg", marks=pytest.mark.slow),
        pytest.param("mnist", "png", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_another_process_draws_the_same_bytes(folder, tmp_path, which, form):
    here, there = tmp_path / f"here.{form}", tmp_path / f"there.{form}"
    draw(which, here, folder)
    # Other settings of the reader's and another seed of hashes must not show.
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: none\n")
    words = [sys.executable, "-m", "zoo", "table", which, "--records", str(folder), "--chart", str(there)]
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONHASHSEED": "7"}
    subprocess.run(words, check=True, capture_output=True, env=environment)
    assert here.read_bytes() == there.read_bytes()


def test_the_challenge_shows_years_errors_the_person_and_our_runs_in_their_place(folder, tmp_path):
    draw("ilsvrc", tmp_path / "c.svg", folder)
    words = words_in(tmp_path / "c.svg")
    order = [word for word in words if re.search(r"  20\d\d$|: single view$", word)]
    assert order == [
        "NEC-UIUC  2010", "ISI  2012", "XRCE  2011", "alexnet, paper: single view", "SuperVision (AlexNet)  2012",
        "SuperVision (AlexNet)  2012", "Clarifai  2013", "Clarifai  2013", "vgg16, paper: single view", "VGG  2014",
        "GoogLeNet  2014", "MSRA (ResNet)  2015", "Trimps-Soushen  2016", "WMW (SENet)  2017",
    ]  # fmt: skip
    for word in ("28.2", "18.2", "8.8", "2.3", "a trained person, 5.1 %", "trained on more data", "winner of the year"):
        assert word in words


def test_entries_with_more_data_are_hatched(folder, tmp_path):
    draw("ilsvrc", tmp_path / "c.svg", folder)
    root = ET.parse(tmp_path / "c.svg").getroot()
    hatched = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if "url(#h" in (e.get("style") or "")]
    more = [figure for figure in load().figures if figure.contest and figure.extra_data]
    assert len(hatched) == len(more) + 1  # and the legend


def test_the_ladder_shows_the_mean_and_the_published_error_under_the_same_protocol(folder, tmp_path):
    draw("mnist", tmp_path / "m.svg", folder)
    words = words_in(tmp_path / "m.svg")
    assert {"0.96", "published, same protocol", "95 % interval of the difference"} <= set(words)


def test_a_png_is_an_image_of_some_size(folder, tmp_path):
    draw("ilsvrc", tmp_path / "c.png", folder)
    with Image.open(tmp_path / "c.png") as image:
        assert image.size[0] == 1200
        assert len(image.convert("RGB").getcolors(2**24)) > 20


def test_the_networks_marked_as_ours_are_entries():
    entries = [figure.name for figure in load().figures if figure.contest]
    assert all(any(name in entry for entry in entries) for name in HELD_HERE)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["ilsvrc", "--chart", "c.pdf"], ["c.pdf", ".png", ".svg"]),
        (["--chart", "c.png"], ["ilsvrc", "cifar10"]),
        (["digits", "--chart", "c.png"], ["digits", "--records"]),
        (["ilsvrc", "--chart", "nowhere/c.png"], ["There is no folder nowhere to write c.png to"]),
    ],
)
def test_bad_words_are_one_sentence_and_leave_no_file(folder, tmp_path, monkeypatch, capsys, words, parts):
    monkeypatch.chdir(tmp_path)
    assert main(["table", *words, "--records", str(folder)]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert all(part in line for part in parts)
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["records"]
