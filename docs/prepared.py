"""Writes what ``zoo info`` and the help of ``zoo fit`` say, which then need no torch to say it."""

import json
from pathlib import Path
from typing import Any

from zoo.catalog import NETWORKS
from zoo.report.network import describe
from zoo.report.prepared import FILE, made_of
from zoo.training.cli import VERBS, help_text, load_classes


def document() -> str:
    """The help of the verbs that Lightning carries out, and every form of every network, one a line."""
    load_classes()
    networks = {
        name: {variant: describe(name, variant) for variant in entry.variants} for name, entry in NETWORKS.items()
    }
    lines = ",\n".join(f" {json.dumps(name)}: {{\n{_forms(forms)}}}" for name, forms in networks.items())
    helps = json.dumps({verb: help_text(verb) for verb in VERBS}, indent=1)
    return f'{{"of": {json.dumps(made_of())},\n"help": {helps},\n"networks": {{\n{lines}}}}}\n'


def _forms(forms: dict[str, Any]) -> str:
    return ",\n".join(f"  {json.dumps(variant)}: {json.dumps(one)}" for variant, one in forms.items())


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
    print(FILE.relative_to(Path(__file__).parents[1]))
