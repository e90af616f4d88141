import csv
import html.parser
import io
import json
import re
import subprocess
import sys
from dataclasses import asdict

import pytest
import yaml
from conftest import ROOT
from results_cases import make_record, rows, write_records

from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.report.formats import FORMS
from zoo.report.selection import Selection
from zoo.report.tables import document
from zoo.results.experiment import experiments, read_records

sys.path.insert(0, str(ROOT / "benchmarks"))
import tables

KEYS = {
    "network",
    "variant",
    "dataset",
    "protocol",
    "n",
    "top1_error",
    "top5_error",
    "published",
    "interval",
    "verdict",
}


@pytest.fixture
def folder(tmp_path):
    """Five Records: three seeds of LeNet-5 on MNIST, one of a | odd_ & <variant>, one on CIFAR-10."""
    odd = asdict(make_record(network="mlp", variant="a|b_c & <d>", sha="d"))
    (tmp_path / "odd.json").write_text(json.dumps(odd))
    lenet5 = [make_record(wrong=wrong, seed=seed) for seed, wrong in enumerate((90, 95, 103))]
    write_records(tmp_path, [*lenet5, make_record(network="linear", dataset="cifar10", wrong=5900)])
    return tmp_path


def test_rows_hold_the_mean_and_spread_over_seeds(folder):
    row = next(row for row in rows(folder, "mnist") if row["network"] == "lenet5" and row["n"])
    assert set(row) >= KEYS
    assert (row["n"], row["runs"], row["seeds"]) == (10_000, 3, [0, 1, 2])
    assert row["top1_error"] == pytest.approx(0.96)
    assert row["top1_spread"] == pytest.approx(0.0655744, abs=1e-6)  # of 0.90, 0.95 and 1.03
    assert row["published"] == 0.95
    assert row["difference"] == pytest.approx(0.01)
    assert row["interval"][0] < 0.01 < row["interval"][1]
    assert row["verdict"] == "reproduced"


def test_figures_that_nobody_measured_follow_with_the_same_keys(folder):
    found = rows(folder, "mnist")
    unmeasured = [row for row in found if row["verdict"] == "not measured"]
    assert {tuple(row) for row in found} == {tuple(found[0])}
    assert {row["published_name"] for row in unmeasured} >= {"LeNet-1", "LeNet-4"}
    assert "LeNet-5" not in {row["published_name"] for row in unmeasured}


def test_no_experiment_and_no_published_figure_is_left_out(tmp_path):
    sizes = {"mnist": (10_000, 10), "cifar10": (10_000, 10), "imagenet": (50_000, 1000)}
    expected = [
        (name, variant, dataset) for name, entry in NETWORKS.items() for variant in entry.variants for dataset in sizes
    ]
    records = []
    for number, (network, variant, dataset) in enumerate(expected):
        n, classes = sizes[dataset]
        published = (network, variant, dataset) == ("lenet5", "paper", "mnist")
        wrong = 95 if published else n * (number % 11) // 10
        made = {"n": n, "classes": classes, "wrong": wrong, "sha": f"{number:x}"[-1]}
        records.append(make_record(network=network, variant=variant, dataset=dataset, **made))
    write_records(tmp_path, records)
    found = rows(tmp_path, None)
    assert sorted((r["network"], r["variant"], r["dataset"]) for r in found if r["n"]) == sorted(expected)
    verdicts = {"reproduced", "better", "not reproduced", "not comparable", "not measured"}
    assert {row["verdict"] for row in found} >= verdicts
    # A figure stands beside runs, beside a config that nobody has trained, or alone.
    figures = yaml.safe_load((ROOT / "benchmarks" / "published.yaml").read_text())["figures"]
    names = ("name", "nets", "top1_error", "top5_error")
    figures = {(one["dataset"], *(one[name] for name in names)) for one in figures if "contest" not in one}
    assert figures <= {(row["dataset"], *(row[f"published_{name}"] for name in names)) for row in found}
    text = document(None, "md", tmp_path)
    measured = [part for part in text.split("## ") if ": measured" in part.partition("\n")[0]]
    lines = [line for part in measured for line in part.splitlines() if line.startswith("| ")]
    assert len(lines) - 2 * len(measured) == len(expected)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_records_give_the_same_bytes(folder, form):
    assert document(None, form, folder) == document(None, form, folder)
    before = document("mnist", form, folder)
    for number, path in enumerate(sorted(folder.glob("*.json"), reverse=True)):
        path.rename(path.with_name(f"{number}.json"))
    assert document("mnist", form, folder) == before


def test_csv_reads_back_as_the_rows_of_json(folder):
    lines = list(csv.DictReader(io.StringIO(document("mnist", "csv", folder))))
    expected = rows(folder, "mnist")
    assert len(lines) == len(expected)
    assert [line["top1_error"] for line in lines] == [str(row["top1_error"] or "") for row in expected]
    assert "a|b_c & <d>" in {line["variant"] for line in lines}
    low, high = next(row["interval"] for row in expected if row["interval"])
    assert (str(low), str(high)) in {(line["interval_low"], line["interval_high"]) for line in lines}


class Cells(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.cells, self.rows = [], [], 0

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.cells.append(data)


def test_html_is_well_formed_and_escaped(folder):
    parser = Cells()
    parser.feed(document("mnist", "html", folder))
    assert parser.open == []
    found = rows(folder, "mnist")
    runs = [row for row in found if row["n"]]
    assert parser.rows == len(found) + len(runs) + 4  # what training took has the runs again; four headings
    assert "a|b_c & <d>" in parser.cells


def test_latex_is_balanced_and_escaped(folder):
    text = document("mnist", "latex", folder)
    assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not set("%#~") & set(bare)
    assert r"a$|$b\_c \& $<$d$>$" in text
    for line in text.splitlines():
        if line.endswith(r"\\"):
            assert len(re.findall(r"(?<!\\)&", line)) in (12, 8, 6, 9)


def test_markdown_rows_have_as_many_cells_as_the_heading(folder):
    text = document("mnist", "md", folder)
    for block in text.split("## ")[1:]:
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert r"a\|b\_c & \<d>" in text


def test_the_challenge_is_in_the_order_of_its_errors_with_ours_in_place(tmp_path):
    before = [row["entry"] for row in rows(tmp_path, "ilsvrc")]
    assert [row["year"] for row in rows(tmp_path, "ilsvrc") if row["result"] == "winner"] == list(range(2010, 2018))
    assert before.index("GoogLeNet") < before.index("human") < before.index("MSRA (ResNet)")
    big = make_record(network="vgg16", dataset="imagenet", n=50_000, wrong=15_000, wrong5=4_750, classes=1000)
    small = make_record(network="alexnet", dataset="imagenet", n=3_925, wrong=900, wrong5=90, classes=10)
    write_records(tmp_path, [big, small])
    after = [row["entry"] for row in rows(tmp_path, "ilsvrc")]
    place = after.index("vgg16, paper")
    assert (after[place - 1], after[place + 1]) == ("Clarifai", "VGG")  # 11.197, ours 9.5, 7.325
    assert "alexnet, paper" not in after
    assert len(after) == len(before) + 1


def test_output_goes_to_a_file_and_bad_words_are_one_sentence(folder, capsys):
    assert main(["table", "mnist", "--records", str(folder), "--output", str(folder / "t.md")]) == 0
    assert (folder / "t.md").read_text() == document("mnist", "md", folder)
    assert main(["table", "mnist", "--records", str(folder), "--output", str(folder / "t.csv")]) == 0
    assert (folder / "t.csv").read_text() == document("mnist", "csv", folder)
    twice = [word for option in ("--chart", "--ladder") for word in (option, str(folder / "a.png"))]
    for words, parts in (
        (["table", "mnist", *twice], ["a.png is to be written twice"]),
        (["table", "mnist", "--format", "html", "--output", str(folder / "t.md")], ["t.md ends in .md, not html"]),
        (["table", "ilsvrc", "--networks", "lenet5"], ["--networks is for the tables of data sets"]),
        (["table", "speed", "--sort", "macs"], ["--sort is for the tables of data sets"]),
        (["table", "mnits"], ["'mnits'", "did you mean mnist?"]),
        (["table", "--records", "nowhere"], ["nowhere", "--records"]),
        (["table", "--format", "pdf"], ["pdf", "latex"]),
        (["table", "--records", str(folder), "--output", str(folder / "no" / "t.md")], ["t.md", "There is no folder"]),
    ):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert all(part in line for part in parts)


def test_a_broken_record_is_refused_with_its_path(folder, capsys):
    (folder / "broken.json").write_text("{}")
    assert main(["table", "mnist", "--records", str(folder)]) == 2
    assert "broken.json is not a record" in capsys.readouterr().err


def test_nothing_heavy_is_imported(folder):
    code = (
        "import sys; from zoo.cli import main; main(sys.argv[1:]);"
        "print('HEAVY', sorted({'torch', 'lightning', 'numpy', 'scipy', 'jsonargparse', 'rich'} & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, "table", "mnist", "--records", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_regenerating_changes_nothing_in_benchmarks_tables():
    found = {path.name: path.read_text() for path in tables.TABLES.glob("*.md")}
    documents = tables.documents()
    assert documents == {name: found.get(name) for name in documents}, "run: python benchmarks/tables.py"


def test_the_spread_of_the_shipped_records_is_that_of_their_own_seeds():
    for experiment in experiments(read_records(tables.RESULTS)):
        assert len({run.weights["sha256"] for run in experiment.runs}) == len(experiment.runs)
        assert len({run.dataset["fingerprint"] for run in experiment.runs}) == 1


def test_a_part_of_the_test_set_is_shown_where_it_is_asked_for(tmp_path):
    whole, part = make_record(), make_record(n=128, num_images=10_000, wrong=1, seed=1)
    write_records(tmp_path, [whole, part])

    def measured(**options):
        found = json.loads(document("mnist", "json", tmp_path, Selection(**options)))
        return [row["n"] for row in found if row["runs"]]

    assert measured() == [10_000]
    assert sorted(measured(trials=True)) == [128, 10_000]
