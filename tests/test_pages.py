"""The site's pages: every network has one, and it says what the code and the Records say."""

import json
import re
import sys
from dataclasses import replace
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from conftest import ROOT
from PIL import Image

from zoo import figures
from zoo.catalog import DATA, NETWORKS
from zoo.cli import main
from zoo.figures.kinds import KINDS
from zoo.report import ladder
from zoo.report.chart import save
from zoo.report.ladder import draw_ladder
from zoo.report.layer_picture import picture
from zoo.report.tables import measured, rows_of
from zoo.results.published import load
from zoo.weights.cards import list_weights

sys.path.insert(0, str(ROOT / "docs"))
import hooks
import network_pages
import pictures

DOCS = ROOT / "docs"
MODULES = sorted({entry.module.rpartition(".")[2] for entry in NETWORKS.values()})


def pages_of(node, title=None) -> list[tuple[str, str | None]]:
    """The files that a part of the navigation names, each with what it calls it."""
    if isinstance(node, str):
        return [(node, title)]
    parts = node.items() if isinstance(node, dict) else ((None, part) for part in node)
    return [page for name, part in parts for page in pages_of(part, name)]


NAVIGATION = pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
TITLES = dict(NAVIGATION)


def test_every_network_has_a_page_with_its_history_and_every_page_is_of_one():
    found = {path.stem for path in (DOCS / "networks").glob("*.md")} - {"index"}
    assert found == set(MODULES)
    assert {f"networks/{name}.md" for name in MODULES} <= set(TITLES)
    index = (DOCS / "networks" / "index.md").read_text()
    linked = dict(re.findall(r"\[`(\w+)`\]\((\w+)\.md\)", index))
    assert linked == {name: entry.module.rpartition(".")[2] for name, entry in NETWORKS.items()}
    for name in MODULES:
        assert len((DOCS / "networks" / f"{name}.md").read_text().split()) > 60


def test_every_page_and_every_table_is_in_the_navigation_once():
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    tables = [f"tables/{path.name}" for path in (ROOT / "benchmarks" / "tables").glob("*.md")]
    generated = ["changelog.md", *(page for page in TITLES if page.startswith("reference/"))]
    assert sorted(page for page, _ in NAVIGATION) == sorted([*pages, *tables, *generated])


def test_no_table_has_its_title_twice():
    for path in (ROOT / "benchmarks" / "tables").glob("*.md"):
        headings = re.findall(r"^(#+) (.*)$", hooks.table(path), flags=re.MULTILINE)
        # MkDocs gives a page without a first heading that of the navigation.
        first = [text for level, text in headings if level == "#"] or [TITLES[f"tables/{path.name}"]]
        assert len(first) == 1
        assert first[0] not in [text for level, text in headings if level != "#"]


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "perceptron"])
def test_a_picture_is_an_svg_with_each_layer_and_its_shape(name):
    facts = network_pages.describe(name)
    root = ElementTree.fromstring(picture(facts))
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text") if element.text]
    layers = [layer for layer in facts["layers"] if not layer["elementwise"] and layer["output_shape"]]
    assert [text for text in shown if text in {layer["name"] for layer in layers}] == [one["name"] for one in layers]
    assert root.get("aria-label", "").startswith(f"Layers of {name}")
    boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(boxes) == len(layers) + 1
    width = float(root.get("width", "0"))
    assert all(0 <= float(box.get("x", "-1")) <= width - float(box.get("width", "0")) for box in boxes)


def test_the_page_of_lenet5_shows_its_facts_records_configs_weights_and_deviations(monkeypatch):
    monkeypatch.setenv("ZOO_BLANK_PICTURES", "1")
    page = network_pages.generated("lenet5")
    headings = re.findall(r"^## (.*)$", page, flags=re.MULTILINE)
    assert headings == [
        "In short", "Layers", "Forms", "What it learnt", "Results", "Train it", "Load it", "Deviations and guesses",
        "Reference",
    ]  # fmt: skip
    assert "60,000 parameters and 326,520 multiply-accumulates" in page
    assert "0.88 ± 0.08" in page  # three seeds on MNIST, from their Records
    assert "zoo fit --config lenet5_1998" in page
    assert "| `lenet5/mnist` | MNIST | 0.79 % | 10,000 | single view |" in page
    assert "Euclidean" in page or "RBF" in page
    assert "../configs/" not in page


def test_the_page_of_lenet5_answers_in_short_what_it_is_and_how_good():
    answers = dict(re.findall(r"^\| ([\w -]+) \| (.*) \|$", network_pages.in_short(["lenet5"]), flags=re.MULTILINE))
    record = json.loads((ROOT / "benchmarks" / "results" / "lenet5-seed0.json").read_text())
    options = record["config"]["model"]["init_args"]["optimizer"]["init_args"]
    wrong = [
        json.loads((ROOT / "benchmarks" / "results" / f"lenet5-seed{seed}.json").read_text())["metrics"]["top1_wrong"]
        for seed in range(3)
    ]
    # Which network, how it was trained, on what, how good it is, beside what, and where the guesses are.
    assert answers["network"] == "lenet5: 60,000 parameters"
    assert answers["paper"].startswith("LeCun, Bottou, Bengio and Haffner: Gradient-based learning")
    assert answers["optimizer"] == f"SGD (lr {options['lr']}, momentum {options['momentum']})"
    assert answers["length"].startswith(f"{record['config']['trainer']['max_epochs']} epochs")
    assert answers["on"] == "60,000 training images of MNIST, 10 classes"
    assert answers["top-1 error"].startswith(f"{np.mean(wrong) / 100:.2f} ± {np.std(wrong, ddof=1) / 100:.2f} %")
    assert answers["published"] == "0.95 % (LeNet-5)"
    assert answers["verdict"].startswith("reproduced")
    assert "(#deviations-and-guesses)" in answers["guessed"]


def test_every_network_that_was_measured_is_told_of_in_short():
    for page in MODULES:
        names = network_pages.names_of(page)
        text = network_pages.in_short(names)
        assert "| top-1 error | " in text, page
        assert any(f"| network | {name}" in text for name in names)


def same(drawn, shown) -> bool:
    """Whether two pictures are one but for shades and a few edges: matplotlib brings its own letters."""
    pixels = [np.asarray(Image.open(path).convert("L"), np.float64) for path in (drawn, shown)]
    shapes = {one.shape for one in pixels}
    return len(shapes) == 1 and (np.abs(pixels[0] - pixels[1]) > 32).sum() < 10


def test_a_ladder_that_is_out_of_date_is_told_by_a_tenth_of_a_point(tmp_path):
    rows = ladder.steps(rows_of("cifar10", measured(None), load()))
    older = [replace(rows[-1], top1_error=rows[-1].error + 0.1), *rows[:-1]]
    for name, shown in (("today", rows), ("before", sorted(older, key=lambda row: -row.error))):
        save(tmp_path / f"{name}.png", partial(ladder.figure_of, load().datasets["cifar10"].title, shown))
    assert same(tmp_path / "today.png", DOCS / "ladder.png")
    assert not same(tmp_path / "before.png", DOCS / "ladder.png")


@pytest.mark.parametrize("name", ["ladder", "templates", "filters"])
def test_a_picture_of_the_readme_is_what_its_command_draws(name, tmp_path):
    file = tmp_path / f"{name}.png"
    if name == "ladder":
        draw_ladder("cifar10", file)
    else:
        weights = {"templates": "linear/cifar10", "filters": "alexnet-cifar/cifar10"}[name]
        figures.save(getattr(figures, name)(weights), file)
    assert same(file, DOCS / f"{name}.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_of_a_page_is_what_its_command_draws(theme, tmp_path):
    (name, content, words) = pictures.of_command("figure templates linear/mnist")[theme == "dark"]
    assert name == f"pictures/templates-linear-mnist-{theme}.png"
    file = tmp_path / "drawn.png"
    assert main(["figure", "templates", "linear/mnist", "--theme", theme, "--output", str(file)]) == 0
    assert content == file.read_bytes()
    assert "Weights of 10 classes of linear/mnist" in words
    with pytest.raises(RuntimeError, match="templates vgg16-bn/cifar10 draws nothing"):
        pictures.of_command("figure templates vgg16-bn/cifar10")


def test_every_line_that_stands_for_a_picture_is_a_command_of_figures():
    found = [command for page in DOCS.rglob("*.md") for command in re.findall(r"<!-- *zoo .*", page.read_text())]
    assert len(found) >= 10
    for line in found:
        command = hooks.COMMAND.fullmatch(line)
        assert command, line
        words = command[1].split()
        assert words[1] in KINDS
        # Names are those of weights, networks and data sets that are there; images are files of the repository.
        for word in words[2:]:
            known = word in {*list_weights(), *NETWORKS, *(one.name for one in DATA.values())}
            assert known or word.startswith("--") or (ROOT / word).is_file(), line


def test_links_to_colab_lead_to_the_notebook_where_the_repository_is_known(monkeypatch):
    text = f"[Colab]({hooks.COLAB})"
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert hooks.to_colab(text, "tour.md") == text
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/zoo")
    assert hooks.to_colab(text, "tour.md") == f"[Colab]({hooks.COLAB}someone/zoo/blob/main/notebooks/tour.ipynb)"
    for page in ("tour", "own_data"):
        assert f"({hooks.COLAB})" in (DOCS / f"{page}.md").read_text()
        assert (ROOT / "notebooks" / f"{page}.ipynb").is_file()
