"""``zoo report``: which network it is, how and on what it was trained, how good, beside what, and what was guessed."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from conftest import ROOT
from in_browser import SCREENS, quiet_page, violations
from results_cases import make_record

from zoo.cli import main
from zoo.page import facts
from zoo.page.document import MOST_BYTES_A_NETWORK
from zoo.page.subject import subjects_of
from zoo.results.interval import error_interval
from zoo.results.record import Record

RECORD = ROOT / "benchmarks" / "results" / "lenet5_digits-seed0.json"


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of shipped weights and of a Record."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["report", "lenet5/mnist", "linear/mnist", str(RECORD), "--output", str(file)]) == 0
    return file


def test_it_is_one_small_file_that_asks_for_nothing_from_outside(report):
    text = report.read_text()
    assert report.stat().st_size < 3 * MOST_BYTES_A_NETWORK
    page = Page(text)
    sources = [value for _, attributes in page.elements for name in ("src", "srcset", "href")
               if (value := attributes.get(name))]  # fmt: skip
    assert len(sources) > 10
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in sources)
    assert "@import" not in text
    assert "url(" not in text
    assert not page.all("script")


def test_it_answers_which_how_on_what_how_good_beside_what_and_what_was_guessed(report):
    text = Page(report.read_text()).text
    lenet5 = text[text.index("lenet5: lenet5/mnist") : text.index("linear: linear/mnist")]
    assert "parameters 60,000" in lenet5
    assert "20 epochs, 37,500 steps" in lenet5
    assert "MNIST, test: 10,000 images" in lenet5
    low, high = error_interval(79, 10_000)
    assert f"0.79 % ({low:.2f} to {high:.2f})" in lenet5
    assert "0.95 % (LeNet-5)" in lenet5
    assert "reproduced" in lenet5
    assert "7x12 bitmaps" in lenet5
    assert "ab83c76b7e1118fbe04386c975bee6f19e28661d" in lenet5  # the commit of its card


def test_verdicts_come_first_then_the_networks_together_then_each(report):
    headings = re.findall(r"<h([12])[^>]*>(.*?)</h", report.read_text(), flags=re.DOTALL)
    assert [text for level, text in headings if level == "2"] == [
        "Verdicts", "Together", "lenet5: lenet5/mnist", "linear: linear/mnist", "lenet5: lenet5_digits-seed0",
    ]  # fmt: skip


def test_of_each_network_the_layers_stand_before_what_it_learnt_and_what_was_guessed_and_provenance_last(report):
    text = report.read_text()
    for article in re.findall(r"<article.*?</article>", text, flags=re.DOTALL):
        assert re.findall("<h3>(.*?)</h3>", article) == [
            "Which network it is", "How it was trained", "How good it is", "Beside what was published", "Its layers",
            "What it learnt", "What was guessed, and where it departs from the publication", "Where the number is from",
        ]  # fmt: skip
        layers = article[article.index("Its layers") : article.index("What it learnt")]
        assert Page(layers).all("table")
    lenet5 = text[text.index('id="lenet5-mnist"') : text.index('id="linear-mnist"')]
    places = [lenet5.index(word) for word in ("Confusion matrix", "Reliability diagram", '<th scope="row">c1</th>')]
    assert places == sorted(places)


def test_on_paper_it_is_light_and_nothing_is_closed_whatever_the_screen_was(report, browser):
    with quiet_page(browser, report.as_uri(), width=390, scheme="dark") as page:
        page.goto(report.as_uri())
        shown = "[...document.images].filter(image => image.checkVisibility()).map(image => image.className)"
        paper = "getComputedStyle(document.body).backgroundColor"
        tables = "[...document.querySelectorAll('details table')].map(table => table.checkVisibility())"
        assert (page.evaluate(paper), set(page.evaluate(shown))) == ("rgb(13, 17, 23)", {"on-dark"})
        assert page.evaluate(tables) == [False] * 3
        page.emulate_media(media="print")
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        # As many as on the screen: no picture is there twice, and the ladder is not that of a phone.
        assert page.evaluate(shown) == ["on-light"] * len(page.locator("figure").all())
        assert page.locator("section img:visible").bounding_box()["width"] > 350
        assert page.evaluate(tables) == [True] * 3
        # Each network begins a page, and the title does not have one to itself.
        breaks = page.evaluate("[...document.querySelectorAll('h2')].map(h2 => getComputedStyle(h2).breakBefore)")
        assert breaks == ["auto", "auto", "page", "page", "page"]


def test_keys_alone_skip_to_the_networks_and_open_the_layers(report, browser):
    with quiet_page(browser, report.as_uri()) as page:
        page.goto(report.as_uri())
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        where = "document.activeElement.tagName"
        for _ in range(3):
            page.keyboard.press("Tab")
            if page.evaluate(where) == "SUMMARY":
                break
        assert page.evaluate("document.activeElement.closest('article').ariaLabelledByElements[0].id") == "lenet5-mnist"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open")


def test_pictures_have_words_tables_have_headings_and_names_are_unique(report):
    page = Page(report.read_text())
    assert all(len(attributes.get("alt") or "") > 20 for attributes in page.all("img"))
    assert all(attributes.get("aria-label") for attributes in page.all("svg"))
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes in page.all("a")} <= set(ids)
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_phone_is_shown_a_ladder_of_its_own_and_a_table_that_stays_one(report, browser):
    page = Page(report.read_text())
    assert len([cell for cell in page.all("td") if cell.get("role") == "cell" and cell.get("data-of")]) == 3 * 5
    sizes = {}
    for width in (390, 1440):
        with quiet_page(browser, report.as_uri(), width=width) as shown:
            shown.goto(report.as_uri())
            ladders = shown.locator("section img:visible").all()
            sizes[width] = [ladder.bounding_box() for ladder in ladders]
    (phone,), (desktop,) = sizes[390], sizes[1440]
    assert phone["height"] > 2 * phone["width"]
    assert desktop["width"] > 1.5 * desktop["height"]


@pytest.fixture(scope="module")
def curves_page(tmp_path_factory):
    """The page of two run folders without weights."""
    folder = tmp_path_factory.mktemp("runs")
    one, two = "one", "a_run_whose_name_is_long_and_has_no_place_to_break_two"
    for name, wrong in ((one, 95), (two, 110)):
        (folder / name).mkdir()
        make_record(wrong=wrong, seed=wrong % 60).write(folder / name / "record.json")
        (folder / name / "metrics.csv").write_text("step,train/loss,val/top1_error\n99,2.5,\n199999,0.5,1.25\n")
    words = [str(folder / one), str(folder / two), "--output", str(folder / "report.html")]
    assert main(["report", *words]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("width", [390, 1440])
def test_the_curves_of_runs_stand_behind_the_verdicts_and_fit_the_screen(curves_page, browser, width):
    with quiet_page(browser, curves_page.as_uri(), width=width) as page:
        page.goto(curves_page.as_uri())
        shown = page.locator("h2#together ~ figure img:visible").all()
        (curves,) = (image for image in shown if "Learning curves" in image.get_attribute("alt"))
        assert "two ends at train/loss 0.5" in curves.get_attribute("alt")
        box = curves.bounding_box()
        # Nearly as wide as it was drawn, so that letters of 9 points stay legible.
        assert box["width"] > 0.8 * int(curves.get_attribute("width"))
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") == width
        verdicts = page.locator("#verdicts").bounding_box()
        assert verdicts["y"] < box["y"] < page.locator("article").first.bounding_box()["y"]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_an_accessibility_checker_finds_nothing_serious(report, browser, axe, width, scheme):
    with quiet_page(browser, report.as_uri(), width=width, scheme=scheme) as page:
        page.goto(report.as_uri())
        assert violations(page, axe, ("serious", "critical")) == []


def test_it_says_how_many_images_it_was_trained_on_and_leaves_out_what_is_not_known(report):
    text = Page(report.read_text()).text
    assert "60,000 training images of MNIST, 10 classes" in text
    assert (
        "paper LeCun, Bottou, Bengio and Haffner: Gradient-based learning applied to document recognition, 1998" in text
    )
    # What is guessed begins with what it is about, in words of a page and not of a docstring.
    assert "The network. Of 'paper': the 7x12 bitmaps" in text
    assert "`" not in text
    assert "preprocessing transform lenet5 of zoo.data" in text
    # Its Record is from a checkout that was not installed, and has no version of zoo.
    said = dict(facts.provenance(subjects_of(["vgg16-bn/cifar10"])[0]))
    assert "torch 2." in said["packages"]
    assert "None" not in said["packages"]


def test_it_says_what_a_training_began_from_and_which_options_it_had():
    told = dict(facts.training(subjects_of(["alexnet-cifar/cifar10"])[0].record))
    assert told["begun from"] == "the weights alexnet-cifar/cifar10"
    assert told["other options"] == (
        "alpha paper, cutmix 0.5, init code, label_smoothing 0.1, order paper, towers together, precision bf16-mixed,"
        " gradient_clip_val 1.0"
    )
    by_layer = dict(facts.training(subjects_of(["cuda_convnet-18pct/cifar10"])[0].record))
    assert "weight_decay conv1 0.004, conv2 0.004, conv3 0.004, fc10 1.0" in by_layer["other options"]
    assert "begun from" not in by_layer


def test_a_record_alone_says_that_nothing_can_be_drawn_of_its_weights(report):
    text = Page(report.read_text()).text
    assert "Only its Record was given" in text[text.index("lenet5: lenet5_digits-seed0") :]


def test_what_a_record_says_is_text_and_never_markup(tmp_path):
    content = json.loads(RECORD.read_text())
    content["environment"]["platform"] = "<script>alert(1)</script>"
    hostile = tmp_path / "<img src=x>.json"
    hostile.write_text(json.dumps(content))
    file = tmp_path / "report.html"
    assert main(["report", str(hostile), str(hostile), "--output", str(file)]) == 0
    page = Page(file.read_text())
    assert not page.all("script")
    assert not [attributes for attributes in page.all("img") if attributes.get("src") == "x"]
    assert "<script>alert(1)</script>" in page.text


def test_confusion_and_calibration_are_shown_where_the_record_has_them(tmp_path, in_folder):
    assert main(["benchmark", "lenet5/digits", "--output", "measured"]) == 0
    (record,) = (in_folder / "measured").glob("*.json")
    file = tmp_path / "report.html"
    assert main(["report", str(record), "--output", str(file)]) == 0
    alts = [attributes["alt"] for attributes in Page(file.read_text()).all("img")]
    n = Record.read(record).n
    # For light and for dark pages.
    assert len(alts) == 4
    assert any("taken for" in alt for alt in alts), (alts, n)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--output", "r.html"], "There is no run 'nowhere'"),
        (["lenet5/mnist", "--output", "r.pdf"], "give r.pdf the ending .html"),
        (["lenet5/mnist", "--output", "no/folder/r.html"], "There is no folder no/folder to write r.html to"),
        (["torchvision/vgg16", "--output", "r.html"], "has no Record"),
    ],
)
def test_bad_input_is_one_sentence(words, said, capsys, in_folder):
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(in_folder.rglob("r.*"))
