"""What stands on a network's page behind its history: all of it read from the code, the configs and the Records."""

import io
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import deviations
from pictures import are_blank, blank, both_themes

from zoo import figures
from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.figures import style
from zoo.page import facts
from zoo.report.layer_picture import picture
from zoo.report.network import HEADINGS, describe, layer_rows
from zoo.report.row import label_of
from zoo.report.selection import NOT_MEASURED, Selection
from zoo.report.tables import dataset_names, document, measured, rows_of
from zoo.report.untrained import shipped as configs
from zoo.results.experiment import Experiment
from zoo.results.published import load
from zoo.results.verdict import judge
from zoo.weights.cards import list_weights, network_of
from zoo.weights.show import card_of

_CONFIG_LINK = re.compile(r"\[(`\w+`)\]\(\.\./configs/\w+\.yaml\)")
# The kinds of zoo figure that need no data.
_LEARNT = ("templates", "filters", "rbf")
_COLUMNS = ("network", "variant", "training", "protocol", "n", "runs", "top-1", "top-5", "published", "difference",
            "verdict")  # fmt: skip


def names_of(page: str) -> list[str]:
    """The networks that a page is about: those of one module of ``zoo.models``."""
    return [name for name, entry in NETWORKS.items() if entry.module == f"zoo.models.{page}"]


def generated(page: str) -> str:
    """The rest of the page, Markdown."""
    names = names_of(page)
    # The form that most speak of, where a page holds several networks.
    shown = "vgg16" if "vgg16" in names else names[0]
    parts = [
        in_short(names), layers(shown), forms(names), learnt(page), results(names), training(page), loading(names),
        deviations_of(page),
    ]  # fmt: skip
    reference = f"## Reference\n\n::: zoo.models.{page}\n\n::: zoo.models.{page}_model\n"
    return "\n\n".join([*(part for part in parts if part), reference])


def in_short(names: list[str]) -> str:
    """Which network it is, how and on what it was trained, how good it is, beside what, and where guesses are."""
    found, published = _best(names), load()
    if found is None:
        return ""
    config, experiment = found
    record, verdict = experiment.record, judge(experiment, published)
    runs = len(experiment.runs)
    spread = experiment.spread("top1_error")
    error = f"{experiment.mean('top1_error'):.2f}" + (f" ± {spread:.2f}" if spread is not None else "")
    # What the report of a single run says of chance is said of all runs here.
    trained = [(what, text) for what, text in facts.training(record) if what not in ("in short", "seed")]
    rows = [
        ("network", f"{label_of(record.network, record.variant)}: {record.parameters:,} parameters"),
        ("paper", facts.paper_of(record.network, record.variant, published)),
        ("trained by", f"`zoo fit --config {config}`"),
        *trained,
        ("tested on", f"{facts.data_of(record)}, {record.protocol}"),
        ("top-1 error", f"{error} %, {f'mean and deviation of {runs} runs' if runs > 1 else 'a single run'}"),
        ("published", facts.beside_of(verdict)),
        ("source", f"{published.sources[verdict.figure.source]}; {verdict.figure.where}" if verdict.figure else ""),
        ("verdict", facts.says_of(verdict) if verdict.figure else ""),
        ("guessed", "[Deviations and guesses](#deviations-and-guesses) below"),
    ]
    return f"## In short\n\n{_table(('what', 'answer'), [row for row in rows if row[1]], range(0))}"


def layers(name: str) -> str:
    """A picture and a table of a network's default form."""
    shown = describe(name)
    total = f"In all {shown['parameters']:,} parameters"
    total += f" and {shown['macs']:,} multiply-accumulates an image." if shown["macs"] else "."
    text = f"## Layers\n\n`{name}`, `{shown['variant']}`, on images of {_shape(shown['input_shape'])}:\n\n"
    drawn = f'<div class="scroll" tabindex="0">{picture(shown)}</div>'
    return f"{text}{drawn}\n\n{_table(HEADINGS, layer_rows(shown), range(2, len(HEADINGS)))}\n\n{total}"


def forms(names: list[str]) -> str:
    """The variants of networks, with their sizes beside the published ones; nothing where there is one form only."""
    pairs = [(name, variant) for name in names for variant in NETWORKS[name].variants]
    if len(pairs) == 1:
        return ""
    cells = []
    for name, variant in pairs:
        shown = describe(name, variant)
        published = shown["published"]
        stated = f"{published['parameters']:,} ({published['source']})" if published else ""
        sizes = (_shape(shown["input_shape"]), f"{shown['parameters']:,}", _count(shown["macs"]), stated)
        cells.append((f"`{name}`", f"`{variant}`", *sizes))
    headings = ("network", "variant", "images", "parameters", "multiply-accumulates", "published parameters")
    return f"## Forms\n\n{_table(headings, cells, range(3, 5))}"


def weights_of(names: list[str]) -> list[str]:
    """The shipped weights of networks; first those that the page speaks of first, then others for the same data."""
    found = [name for name in list_weights() if network_of(name) in names]
    best = _best(names)
    if best is None:
        return found
    config, data = best[0], best[1].record.dataset["name"]

    def place(name: str) -> tuple[bool, bool]:
        card = {} if name.startswith("torchvision/") else card_of(name)
        return card.get("config") != config, card.get("data", {}).get("name") != data

    return sorted(found, key=place)


def pictures(page: str) -> dict[str, tuple[bytes, str]]:
    """What the page's trained networks look like: names of PNG files, each for light and for dark, with their words."""
    if are_blank():
        return {f"{page}-{theme}.png": (blank(theme), page) for theme in ("light", "dark")}
    return _drawn(page)


@cache
def _drawn(page: str) -> dict[str, tuple[bytes, str]]:
    found = {}
    for name in weights_of(names_of(page)):
        for kind in _LEARNT if not name.startswith("torchvision/") else ():
            if kind == "rbf" and any("-rbf-" in file for file in found):
                # LeNet-5's bitmaps are the same whatever it was trained on.
                continue
            for theme in ("light", "dark"):
                try:
                    with style.theme(theme):
                        figure = getattr(figures, kind)(name)
                except InputError:
                    # It has no such thing.
                    break
                file = io.BytesIO()
                figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
                found[f"{name.replace('/', '-')}-{kind}-{theme}.png"] = (file.getvalue(), str(figure.get_label()))
    return found


def learnt(page: str) -> str:
    """The pictures of the page, Markdown; nothing where there are none."""
    found = [(name, words) for name, (_, words) in pictures(page).items()]
    pairs = zip(found[::2], found[1::2], strict=True)
    shown = [both_themes(pair, pair[0][1]) for pair in pairs]
    return "\n\n".join(["## What it learnt", *shown]) if shown else ""


def results(names: list[str]) -> str:
    """The Records of networks, as ``zoo table`` shows them, for each data set that they were measured on."""
    published, found = load(), list(_measured())
    tables = []
    for dataset in dataset_names(found, published):
        rows = [row for row in rows_of(dataset, found, published) if row.network in names]
        if any(row.verdict != NOT_MEASURED for row in rows):
            # What has only configs has a table of them, with other columns.
            columns = _COLUMNS if any(row.runs for row in rows) else ()
            chosen = Selection(columns=columns, networks=tuple(names), folded=True)
            tables.append(document(dataset, "md", selection=chosen).replace("## ", "### ", 1).replace(": measured", ""))
    return "\n\n".join(["## Results", *tables]) if tables else ""


def training(page: str) -> str:
    """The configs that train a page's networks, each with its command and its whole text."""
    _, configs = deviations.of_module(f"zoo.models.{page}")
    if not configs:
        return ""
    texts = []
    for path in configs:
        text = path.read_text(encoding="utf-8").rstrip()
        block = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
        texts.append(f'??? example "`zoo fit --config {path.stem}`"\n\n    ```yaml\n{block}\n    ```')
    return "\n\n".join(["## Train it", *texts])


def loading(names: list[str]) -> str:
    """The shipped weights of networks, and the lines of Python that load the first."""
    found = weights_of(names)
    if not found:
        return f'## Load it\n\n```python\nimport zoo\n\nnetwork = zoo.get_model("{names[0]}")\n```'
    code = f'import zoo\n\nnetwork = zoo.get_model("{found[0]}").eval()\n'
    code += f'logits = network(zoo.get_weights("{found[0]}").transforms()("image.png"))'
    cells = [_card_cells(name) for name in found]
    table = _table(("weights", "trained on", "top-1 error", "images", "protocol"), cells, range(2, 4))
    return f"## Load it\n\n```python\n{code}\n```\n\n{table}"


def deviations_of(page: str) -> str:
    """The statements of the page's classes and configs."""
    things, configs = deviations.of_module(f"zoo.models.{page}")
    text = deviations.section("Deviations and guesses", things, configs)
    return without_links_to_configs(text)


def without_links_to_configs(text: str) -> str:
    """Links that lead in the repository from ``docs/`` to ``configs/``, which is no part of the site, become names."""
    return _CONFIG_LINK.sub(r"\1", text)


def _card_cells(name: str) -> tuple[str, ...]:
    if name.startswith("torchvision/"):
        return f"`{name}`", "ImageNet", "", "", "fetched from torchvision"
    card: dict[str, Any] = card_of(name)
    scores = card["scores"]
    return f"`{name}`", card["data"]["class"], f"{scores['top1_error']:.2f} %", f"{scores['n']:,}", scores["protocol"]


def _best(names: list[str]) -> tuple[str, Experiment] | None:
    """The config that a page speaks of first, with its runs: the paper's own, else one beside a published figure."""
    published = load()
    found = [
        (config.name, experiment)
        for config in configs() for experiment in _measured()
        if config.network in names and config.is_of(experiment)
    ]  # fmt: skip
    return min(
        found,
        key=lambda one: (
            one[0] not in names, judge(one[1], published).figure is None,
            NETWORKS[one[1].record.network].variants.index(one[1].record.variant),
            one[1].record.protocol != "single view", one[1].mean("top1_error"),
        ),
        default=None,
    )  # fmt: skip


@cache
def _measured() -> tuple[Experiment, ...]:
    return tuple(measured(None))


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]], numbers: range) -> str:
    rules = ["---:" if index in numbers else "---" for index in range(len(headings))]
    return "\n".join(_lines([headings, tuple(rules), *rows]))


def _lines(rows: list[tuple[str, ...]]) -> Iterator[str]:
    return (f"| {' | '.join(row)} |" for row in rows)


def _shape(shape: list[int]) -> str:
    return "×".join(map(str, shape))


def _count(value: int | None) -> str:
    return f"{value:,}" if value else ""
