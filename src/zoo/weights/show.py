"""``zoo list weights`` and ``zoo info weights``: cards as text. Imports torch only for what is not shipped."""

import json
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from zoo.weights.cards import PLANNED, TORCHVISION, read_card, read_checked, shipped


def listed() -> dict[str, str]:
    """A line for each name: what it is and what it scores, or why it is not there."""
    found = shipped()
    rows = {name: _line(read_card(card), card.with_suffix(".safetensors").is_file()) for name, card in found.items()}
    rows |= {name: "not trained yet" for name in PLANNED if name not in found}
    return dict(sorted(rows.items())) | dict.fromkeys(TORCHVISION, "ImageNet; torchvision's, fetched on first use")


def card_of(name: str) -> dict[str, Any]:
    """The card of a name, file or run folder. Raises InputError where there is none or the file is not the card's.

    A file that would have to be fetched is not looked for.
    """
    card = shipped().get(name)
    if card is None and Path(name).suffix == ".safetensors" and Path(name).with_suffix(".json").is_file():
        card = Path(name).with_suffix(".json")
    if card is None:
        from zoo.weights.find import find

        return find(name).meta
    content = read_card(card)
    file = card.with_suffix(".safetensors")
    if file.is_file() or "url" not in content:
        read_checked(file, content)
    return content


def as_json(card: dict[str, Any]) -> str:
    """The whole card."""
    return json.dumps(card, indent=2, ensure_ascii=False, default=str)


def render(card: dict[str, Any]) -> None:
    """Prints the card as a table; of the Record's config only the name."""
    console = Console(markup=False, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in _rows(card).items():
        table.add_row(key, value)
    console.print(table)


def _rows(card: dict[str, Any]) -> dict[str, str]:
    record, scores = card.get("record") or {}, card.get("scores")
    rows = {"name": card["name"], "network": f"{card['network']}, {card['variant']}"}
    if "parameters" in card:
        rows["parameters"] = f"{card['parameters']:,}"
    rows["options"] = _pairs(card["options"])
    rows["classes"] = _classes(card.get("class_names", []))
    if record:
        dataset = record["dataset"]
        rows["data"] = f"{dataset['name']}, {dataset['split']}, {dataset['num_images']:,} images"
        rows["fingerprint"] = dataset["fingerprint"]
    if "preprocessing" in card:
        # Its steps say whether a mean image is taken off.
        rows["preprocessing"] = _pairs({k: v for k, v in card["preprocessing"].items() if k != "mean_image"})
    if scores:
        rows["scores"] = _scores(scores, scores["n"], scores["protocol"])
    if record:
        rows["scores of the run"] = _scores(record["metrics"], record["n"], record["protocol"])
        if scores and scores["top1_wrong"] != record["metrics"]["top1_wrong"]:
            rows["why two"] = f"the run's weights are float32, and those here are stored as {card['dtype']}"
        trained = record["timing"]
        rows["training"] = f"{trained['train_epochs']} epochs, {trained['train_seconds']:.0f} s on {_device(record)}"
        rows["run"] = record["created"]
    if "published" in card:
        rows["published"] = "; ".join(f"{data}: {_pairs(values)}" for data, values in card["published"].items())
    if card["name"] in shipped():
        rows["train it again"] = f"zoo reproduce {card['name']}"
    for key in ("config", "seed", "commit", "url", "recipe", "sha256", "sha256_begins", "bytes", "dtype", "licence"):
        if isinstance(card.get(key), (str, int)):
            rows[key] = f"{card[key]:,}" if key == "bytes" else str(card[key])
    return rows


def _line(card: dict[str, Any], here: bool) -> str:
    scores = card["scores"] or card["record"]["metrics"] | {key: card["record"][key] for key in ("n", "protocol")}
    error = f"{scores['top1_error']:.2f} % top-1 error on {card['data']['name']} (n = {scores['n']:,})"
    size = f"{card['bytes'] / 1e3:,.0f} kB{'' if here else ', fetched on first use'}"
    return f"{error}, {scores['protocol']}, {card['parameters']:,} parameters, {size}"


def _scores(values: dict[str, Any], n: int, protocol: str) -> str:
    top = ", ".join(f"top-{k} {values[f'top{k}_error']:.2f} % ({values[f'top{k}_wrong']:,} wrong)" for k in (1, 5))
    return f"{top} of {n:,}, {protocol}"


def _classes(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 20 else f"{len(names):,}: {', '.join(names[:3])}, ..., {names[-1]}"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _device(record: dict[str, Any]) -> str:
    return str(record["environment"].get("device", "?"))
