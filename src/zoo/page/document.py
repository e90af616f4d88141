"""``zoo report``: everything known of some networks as one HTML file, which asks for nothing from outside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from zoo import __version__
from zoo.errors import InputError
from zoo.files import write_output
from zoo.page import facts, pictures
from zoo.page.subject import Subject, subjects_of
from zoo.report.formats import Table
from zoo.report.layer_picture import picture as layer_picture
from zoo.results.published import Published, load

_HERE = Path(__file__).parent
#: Of eight networks; more pictures than that and a browser waits for them.
MOST_BYTES_A_NETWORK = 1_000_000
_MOST_IN_HEADING = 3


@dataclass(frozen=True)
class Part:
    """What the page shows of one network."""

    anchor: str
    subject: Subject
    verdict: Any
    identity: facts.Facts
    training: facts.Facts
    measurement: facts.Facts
    comparison: facts.Facts
    provenance: facts.Facts
    guesses: facts.Facts
    layer_picture: str
    layers: Table
    learnt: list[pictures.Picture]
    measured: list[pictures.Picture]


def write_report(words: Sequence[str], file: Path) -> int:
    """Writes the page of these weights, run folders and Records; returns its bytes.

    Raises InputError where one is none of these or was not measured, and where the file cannot be written.
    """
    if file.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"A report is a page: give {file.name} the ending .html.")
    content = page(subjects_of(words)).encode()
    write_output(file, content)
    return len(content)


def page(subjects: Sequence[Subject]) -> str:
    """The whole file: verdicts first, then the networks against each other, then each by itself."""
    published = load()
    anchors = _anchors(subjects)
    parts = [_part(subject, anchor, published) for subject, anchor in zip(subjects, anchors, strict=True)]
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    titles = list(dict.fromkeys(part.subject.title for part in parts))
    return environment.get_template("report.html.jinja").render(
        parts=parts,
        # The names of more would fill a phone.
        heading="; ".join(titles) if len(titles) <= _MOST_IN_HEADING else f"A report of {len(parts)} networks",
        facts=facts,
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        curves=pictures.curves(subjects),
        ladder=pictures.ladder(subjects),
        version=__version__,
    )


def _part(subject: Subject, anchor: str, published: Published) -> Part:
    verdict = facts.verdict_of(subject, published)
    return Part(
        anchor, subject, verdict, facts.identity(subject, published), facts.training(subject.record),
        facts.measurement(subject), facts.comparison(verdict, published), facts.provenance(subject),
        facts.guesses(subject), layer_picture(subject.layers), facts.layer_table(subject), pictures.learnt(subject),
        pictures.measured(subject),
    )  # fmt: skip


def _anchors(subjects: Sequence[Subject]) -> list[str]:
    """A short name for each, no two alike."""
    found: list[str] = []
    for subject in subjects:
        base = re.sub(r"[^a-z0-9]+", "-", subject.run.name.lower()).strip("-") or "network"
        number = sum(anchor == base or anchor.startswith(f"{base}--") for anchor in found)
        found.append(f"{base}--{number + 1}" if number else base)
    return found
