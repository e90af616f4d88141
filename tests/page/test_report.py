"""``zoo report``: which network it is, how and on what it was trained, how good, beside what, and what was guessed."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from conftest import ROOT
from in_browser import quiet_page, violations

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


def test_a_phone_is_shown_a_ladder_of_its_own_and_a_table_that_stays_one(report):
    page = Page(report.read_text())
    narrow = [source for source in page.all("source") if "max-width" in (source["media"] or "")]
    # One for light and one for dark.
    assert len(narrow) == 2
    assert all(int(source["height"] or 0) > 2 * int(source["width"] or 0) for source in narrow)
    assert narrow[0]["srcset"] != narrow[1]["srcset"]
    assert len([cell for cell in page.all("td") if cell.get("role") == "cell" and cell.get("data-of")]) == 3 * 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
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
    assert len(alts) == 2
    assert any("taken for" in alt for alt in alts), (alts, n)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--output", "r.html"], "There is no run 'nowhere'"),
        (["lenet5/mnist", "--output", "r.pdf"], "give r.pdf the ending .html"),
        (["lenet5/mnist", "--output", "no/folder/r.html"], "Cannot write"),
        (["torchvision/vgg16", "--output", "r.html"], "has no Record"),
    ],
)
def test_bad_input_is_one_sentence(words, said, capsys, in_folder):
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(in_folder.rglob("r.*"))
