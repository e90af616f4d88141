"""What a page says of a network, as sentences and as rows of tables; nothing is drawn here."""

import re
import unicodedata
from typing import Any

from zoo.catalog import NETWORKS, data_named
from zoo.configs import deviations_in, find_config
from zoo.errors import InputError
from zoo.models.deviations import MARK
from zoo.page.subject import Subject
from zoo.report.compute import device_of, duration
from zoo.report.formats import Column, Table
from zoo.report.network import HEADINGS, layer_rows
from zoo.results.experiment import Experiment
from zoo.results.interval import error_interval
from zoo.results.published import Published
from zoo.results.record import Record
from zoo.results.verdict import Verdict, judge
from zoo.weights.cards import shipped

Facts = list[tuple[str, str]]

# Options of a model that its layers say already, and those that have lines of their own.
_TOLD = ("variant", "num_classes", "in_channels", "input_size", "optimizer", "schedule")
_OF_TRAINER = ("precision", "gradient_clip_val")


def verdict_of(subject: Subject, published: Published) -> Verdict:
    """The comparison of one Record with the published figure."""
    return judge(Experiment((subject.record,)), published)


def error_of(subject: Subject) -> str:
    """``1.67 % (0.76 to 3.60)``: the top-1 error and where it lies with 95 % confidence on other such images."""
    metrics = subject.record.metrics
    low, high = error_interval(metrics["top1_wrong"], subject.record.n)
    return f"{metrics['top1_error']:.2f} % ({low:.2f} to {high:.2f})"


def beside_of(verdict: Verdict) -> str:
    """The published figure with its source, or why none is compared."""
    if verdict.figure is None:
        return verdict.reason or ""
    return f"{verdict.figure.error:g} % ({verdict.figure.name})"


def says_of(verdict: Verdict) -> str:
    """The verdict in a few words, with the difference where there is one."""
    if verdict.difference is None or verdict.interval is None:
        return verdict.verdict
    low, high = verdict.interval
    return f"{verdict.verdict}: {verdict.difference:+.2f} points ({low:+.2f} to {high:+.2f})"


def data_of(record: Record) -> str:
    """``MNIST, test: 10,000 images``."""
    dataset = record.dataset
    known = data_named(dataset["name"])
    title = known.title if known else dataset["name"]
    return f"{title}, {dataset['split']}: {record.n:,} images"


def identity(subject: Subject, published: Published) -> Facts:
    """Which network it is."""
    entry, layers = NETWORKS.get(subject.record.network), subject.layers
    facts = [("network", subject.title)]
    if entry is not None:
        facts += [("published in", str(entry.year)), ("what it is", entry.summary)]
        if paper := paper_of(subject.record.network, subject.record.variant, published):
            facts.append(("paper", paper))
    facts += [
        ("input", "×".join(map(str, layers["input_shape"]))),
        ("parameters", f"{subject.record.parameters:,}"),
        ("multiply-accumulates an image", f"{layers['macs']:,}" if layers["macs"] else "not counted"),
    ]
    if layers["published"]:
        stated = layers["published"]
        facts.append(("published parameters", f"{stated['parameters']:,} ({stated['source']})"))
    return facts


def training(record: Record) -> Facts:
    """How it was trained, and on what."""
    timing, config = record.timing, record.config
    facts = [("on", _trained_on(record)), ("in short", Experiment((record,)).training)]
    if transform := ((config.get("data") or {}).get("init_args") or {}).get("transform"):
        facts.append(("preprocessing", f"transform {transform} of zoo.data"))
    model = (config.get("model") or {}).get("init_args") or {}
    for name in ("optimizer", "schedule"):
        if isinstance(model.get(name), dict):
            facts.append((name, _object(model[name])))
    if begun_from := config.get("init_from"):
        facts.append(("begun from", f"the weights {begun_from}"))
    others = {name: value for name, value in model.items() if name not in _TOLD}
    others |= {name: (config.get("trainer") or {}).get(name) for name in _OF_TRAINER}
    facts.append(("other options", _shown(others)))
    steps = timing.get("train_steps")
    batch = ((config.get("data") or {}).get("init_args") or {}).get("batch_size")
    epochs = timing["train_epochs"]
    length = f"{epochs:,} epoch{'' if epochs == 1 else 's'}"
    facts.append(("length", length + (f", {steps:,} steps" if steps else "")))
    if batch:
        facts.append(("images a step", f"{batch:,}"))
    facts.append(("seed", str(record.seed)))
    facts.append(("time", f"{duration(float(timing['train_seconds'] or 0))} on {device_of(record)}"))
    return facts


def measurement(subject: Subject) -> Facts:
    """How good it is."""
    record = subject.record
    metrics = record.metrics
    facts = [
        ("test images", data_of(record)),
        ("protocol", record.protocol),
        ("top-1 error, 95 % interval", error_of(subject)),
        ("wrong", f"{metrics['top1_wrong']:,} of {record.n:,}"),
    ]
    if metrics.get("top5_error") is not None:
        facts.append(("top-5 error", f"{metrics['top5_error']:.2f} %"))
    if metrics.get("loss") is not None:
        facts.append(("loss", f"{metrics['loss']:.4g}"))
    return facts


def paper_of(network: str, variant: str, published: Published) -> str:
    """Authors, title and year of a network's paper; nothing where no single one describes it."""
    paper = published.paper(network, variant) if network in published.papers else None
    if paper is None:
        return ""
    # Of LaTeX, the file has accents alone.
    authors = unicodedata.normalize("NFC", re.sub(r"\{\\'(\w)\}", "\\1\u0301", paper["author"]))
    surnames = [author.partition(",")[0] for author in authors.split(" and ")]
    who = " and ".join(filter(None, [", ".join(surnames[:-1]), surnames[-1]]))
    return f"{who}: {paper['title']}, {paper['year']}"


def comparison(verdict: Verdict, published: Published) -> Facts:
    """What it stands beside."""
    facts = [("published", beside_of(verdict)), ("verdict", says_of(verdict))]
    if verdict.figure is not None:
        facts.insert(1, ("source", published.sources[verdict.figure.source]))
    return facts + [("note", note) for note in verdict.notes]


def guesses(subject: Subject) -> Facts:
    """Where the network and its training depart from the publication, or had to be guessed."""
    # "Deviations and guesses of 'paper': the ..." and code in backticks are for a terminal.
    texts = (subject.layers["notes"].removeprefix(MARK), _config_deviations(subject.config).replace("`", ""))
    found = zip(("The network", "Its training"), (text.removeprefix(": ").strip() for text in texts), strict=True)
    return [(what, text[0].upper() + text[1:]) for what, text in found if text]


def provenance(subject: Subject) -> Facts:
    """Where the number is from."""
    record = subject.record
    git = record.git or {}
    commit = (
        f"{git['commit']}{' with changes that were not committed' if git.get('dirty') else ''}" if git else "unknown"
    )
    packages = ", ".join(
        f"{name} {version}" for name, version in record.environment.get("packages", {}).items() if version
    )
    return [
        ("asked for as", subject.run.name if subject.run.name in shipped() else subject.run.where),
        ("measured", record.created),
        ("code", commit),
        ("config", subject.config or ""),
        ("data's fingerprint", record.dataset["fingerprint"]),
        ("weights' sha256", str(record.weights.get("sha256", ""))),
        ("machine", f"{record.environment.get('platform', '')}, Python {record.environment.get('python', '')}"),
        ("packages", packages),
    ]


def layer_table(subject: Subject) -> Table:
    """The layers that have weights or change the maps' size."""
    rows = layer_rows(subject.layers)
    columns = [Column(heading, number=place > 1) for place, heading in enumerate(HEADINGS)]
    return Table("Layers", columns, rows, [[] for _ in rows])


def _trained_on(record: Record) -> str:
    """``60,000 training images of MNIST, 10 classes, 5,000 of them held out``."""
    data = record.config.get("data") or {}
    name = str(data.get("class_path", "")).rpartition(".")[2]
    known = data_named(record.dataset["name"])
    count = known.num_images.get("train") if known else None
    held_out = (data.get("init_args") or {}).get("num_held_out")
    seen, epochs = (record.timing.get(key) for key in ("train_images", "train_epochs"))
    if count is None and not held_out and seen and epochs:
        # Of some data sets people have a part: what was seen in an epoch is what there was.
        count = round(seen / epochs)
    text = f"{f'{count:,} ' if count else ''}training images of {known.title if known else name}"
    text += f", {record.dataset['num_classes']:,} classes"
    return text + (f", {held_out:,} of them held out" if isinstance(held_out, int) and held_out else "")


def _object(described: dict[str, Any]) -> str:
    """A class of a config with the options that a reader looks for."""
    name = str(described.get("class_path", "")).rpartition(".")[2]
    shown = _shown(described.get("init_args") or {})
    return f"{name} ({shown})" if shown else name


def _shown(options: dict[str, Any]) -> str:
    """``lr 0.1, momentum 0.9``: those that are not off; of options by layer ``weight_decay conv1 0.004``."""
    told = []
    for name, value in options.items():
        inner = _shown(value) if isinstance(value, dict) else value
        if inner not in (None, False, 0, ""):
            told.append(f"{name} {inner}")
    return ", ".join(told)


def _config_deviations(name: str | None) -> str:
    try:
        return deviations_in(find_config(name)) if name else ""
    except (InputError, OSError):
        return ""
