"""``zoo info``: a network layer by layer, its totals beside the published count, its deviations and guesses."""

import inspect
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from zoo.catalog import NETWORKS, Entry, no_network
from zoo.errors import InputError
from zoo.report.terminal import no_room, without_room

if TYPE_CHECKING:
    from zoo.models.network import Network

# The largest side that a JPEG file can state; far beyond it the counts overflow.
LARGEST_SIDE = 65_535
#: Of a table of layers; from the third on they are of numbers.
HEADINGS = ("name", "kind", "kernel", "stride", "pad", "output", "parameters", "macs")
# What a narrow terminal does without, the first first.
_LEFT_OUT_FIRST = ("pad", "stride", "kernel")


def describe(name: str, variant: str | None = None, input_size: int | None = None) -> dict[str, Any]:
    """A network's layers and totals as plain lists, numbers and strings.

    ``model`` is the class that trains it, as a config names it. ``layers`` has the fields of
    ``zoo.models.summary.Row``, activations included. ``macs`` are the multiply-accumulates of convolutions, fully
    connected layers and RBF units for one image; LeNet-5's trainable subsampling is counted apart, in
    ``macs_subsampling``. ``published`` is None unless the network has its default options. Raises InputError
    for a name, variant or size that the zoo does not have.
    """
    entry = _entry(name)
    variant = _variant(name, entry, variant)
    if input_size is not None and not 1 <= input_size <= LARGEST_SIDE:
        raise InputError(f"An input size is between 1 and {LARGEST_SIDE:,} pixels, not {input_size:,}.")
    # The class is imported before the meta device is set, which would catch tensors that modules make on import.
    network_class = getattr(import_module(entry.module), entry.network)
    default = _build(network_class, variant)
    network = default if input_size is None else _resized(network_class, default, input_size)
    return describe_network(network, default.options)


def describe_network(network: "Network", default_options: dict[str, Any] | None = None) -> dict[str, Any]:
    """As ``describe``, of a network that is there; somebody's own has no year and no published count.

    Its weights are not looked at, so that it may be on ``meta``.

    ``default_options`` are those of the published form, where they are known; otherwise the network's own class is
    asked.
    """
    from zoo.models.deviations import deviations_of
    from zoo.models.summary import misfits, summarize, total_macs

    network_class = type(network)
    entry = NETWORKS.get(network.name)
    if default_options is None and entry is not None:
        default_options = _build(network_class, network.variant).options
    rows = summarize(network)
    macs, macs_subsampling = total_macs(rows)
    published = entry.published.get(network.variant) if entry and network.options == default_options else None
    trained_by = f"zoo.models.{entry.model}" if entry else "zoo.models.OwnModel, or a model of its author's"
    return {
        "network": network.name,
        "variant": network.variant,
        "year": entry.year if entry else None,
        "model": {"class_path": trained_by, "init_args": dict(entry.model_options) if entry else {}},
        "options": _plain(network.options),
        "input_shape": list(network.input_shape),
        "parameters": sum(row.parameters for row in rows),
        "macs": macs,
        "macs_subsampling": macs_subsampling,
        "published": asdict(published) if published else None,
        "layers": [_plain(asdict(row)) | {"elementwise": row.elementwise} for row in rows],
        "misfits": misfits(rows),
        # Its own first, then those of what it builds on.
        "notes": " ".join(text.replace("``", "'") for _, text in deviations_of(type(network))),
    }


def _entry(name: str) -> Entry:
    if name in NETWORKS:
        return NETWORKS[name]
    raise no_network(name)


def _variant(name: str, entry: Entry, variant: str | None) -> str:
    if variant is not None and variant not in entry.variants:
        raise InputError(f"{name} has no variant {variant!r}: there is {', '.join(entry.variants)}.")
    return variant or entry.variants[0]


def _build(network_class: "type[Network]", variant: str, **options: Any) -> "Network":
    """A network without storage; what it finds wrong with its options becomes an InputError."""
    import torch

    make: Any = network_class
    try:
        with torch.device("meta"):
            network: Network = make(variant=variant, **options)
    except ValueError as error:
        raise InputError(f"{str(error).rstrip('.')}.") from error
    return network


def _resized(network_class: "type[Network]", default: "Network", input_size: int) -> "Network":
    side = default.input_shape[1]
    if "input_size" in inspect.signature(network_class).parameters:
        return _build(network_class, default.variant, input_size=input_size)
    if input_size != side:
        raise InputError(f"{default.name} takes images of {side}x{side} only, not of {input_size}x{input_size}.")
    return default


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def render(description: dict[str, Any]) -> None:
    """Prints what ``describe`` returned; activations, dropout and flatten are left out of the table."""
    console = Console(markup=False, highlight=False)
    width = console.width if console.is_terminal else 80
    table = _table(description)
    shape = "x".join(map(str, description["input_shape"]))
    year = f"({description['year']})" if description["year"] else "(not the zoo's)"
    title = f"{description['network']} {year}, variant {description['variant']}, input {shape}\n"
    console.print(title, width=width)
    # Numbers are never cut short: a wide table moves closer together, then does without the geometry, then wraps.
    unbounded = console.options.update(max_width=1000)
    left_out: list[str] = []
    if console.measure(table, options=unbounded).maximum > width:
        # What ends the line needs no gap behind it.
        columns = [(str(column.header), *map(str, column.cells)) for column in table.columns]
        needs = [(cells[0], max(map(len, cells))) for cells in columns]
        left_out = without_room(needs, width + 1, 1, _LEFT_OUT_FIRST)
        table = _table(description, left_out)
        table.padding = 0
    console.width = max(width, console.measure(table, options=unbounded).maximum)
    console.print(table)
    if left_out:
        console.print("", no_room(left_out), sep="\n", width=width)
    for paragraph in _paragraphs(description):
        console.print()
        console.print(paragraph, width=width)


def _table(description: dict[str, Any], without: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown = [place for place, heading in enumerate(HEADINGS) if heading not in without]
    for heading in (HEADINGS[place] for place in shown):
        table.add_column(heading, justify="left" if heading in ("name", "kind") else "right", no_wrap=True)
    rows = layer_rows(description)
    for number, row in enumerate(rows, start=1):
        table.add_row(*(row[place] for place in shown), end_section=number == len(rows))
    blank = [""] * (len(shown) - 3)
    table.add_row(*blank, "total", _number(description["parameters"]), _number(description["macs"]))
    published = description["published"]
    if published:
        table.add_row(*blank, "published", _number(published["parameters"]), published["macs"])
    return table


def layer_rows(description: dict[str, Any]) -> list[tuple[str, ...]]:
    """The cells of each layer below ``HEADINGS``; activations, dropout and flatten have none."""
    return [_cells(layer) for layer in description["layers"] if not layer["elementwise"]]


def _cells(layer: dict[str, Any]) -> tuple[str, ...]:
    kind = layer["kind"] if layer["groups"] == 1 else f"{layer['kind']}, {layer['groups']} groups"
    kernel = "" if layer["kernel"] is None else "{0}x{0}".format(layer["kernel"])
    sides = ("" if layer[key] is None else str(layer[key]) for key in ("stride", "padding"))
    output = "x".join(map(str, layer["output_shape"]))
    return layer["name"], kind, kernel, *sides, output, _number(layer["parameters"]), _number(layer["macs"])


def _number(value: int | None) -> str:
    return f"{value:,}" if value else ""


def _paragraphs(description: dict[str, Any]) -> list[str]:
    """What stands under the table."""
    macs, apart = description["macs"], description["macs_subsampling"]
    counted = "macs: multiply-accumulates for one image, biases not counted."
    if apart:
        counted += f" The total leaves out the {apart:,} of the subsampling layers; with them it is {macs + apart:,}."
    model, published = description["model"], description["published"]
    options = "".join(f", {key} {value}" for key, value in model["init_args"].items())
    trained = f"Trained by: {model['class_path']}{options}."
    source = f"Published count: {published['source']}." if published else ""
    paragraphs = [counted, source, trained, *description["misfits"], description["notes"]]
    return [paragraph for paragraph in paragraphs if paragraph]
