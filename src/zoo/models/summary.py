"""A network layer by layer: geometry, parameters, multiply-accumulates, and where a filter does not fit its input."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zoo.layers import (
    HOG,
    RBF,
    AUnits,
    CCells,
    Local2d,
    Maxout,
    Neighbours,
    PixelNeighbours,
    PrincipalComponents,
    ResponseNorm,
    Retina,
    SameMapNorm,
    SCells,
    Subsampling,
    TableConv2d,
)  # fmt: skip
from zoo.models.network import Network, answering

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Kind:
    """The word for a kind of layer, the rule for its multiply-accumulates, and whether it moves windows over a map."""

    word: str
    macs: Callable[[Any, Tensor], int] = lambda layer, output: 0
    windows: bool = False


def _everywhere(layer: Any, output: Tensor) -> int:
    """Each weight is used once an output position."""
    return int(layer.weight.numel()) * output.shape[2] * output.shape[3]


def _once(layer: Any, output: Tensor) -> int:
    """Each weight is used once."""
    return int(layer.weight.numel())


def _matrices(layer: Any, output: Tensor) -> int:
    """Each number of the layer's matrices is used once."""
    return sum(p.numel() for p in layer.parameters() if p.ndim > 1)


# What is not here and has no parameters works number by number (an activation, dropout, flatten): it is a Row under
# its class's name, and a table can leave it out.
KINDS: dict[type[nn.Module], Kind] = {
    nn.Conv2d: Kind("conv", _everywhere, windows=True),
    TableConv2d: Kind("table conv", _everywhere, windows=True),
    Local2d: Kind("local", _once, windows=True),
    nn.MaxPool2d: Kind("max-pool", windows=True),
    nn.AvgPool2d: Kind("avg-pool", windows=True),
    Subsampling: Kind("subsampling", lambda layer, output: output.numel()),
    nn.ZeroPad2d: Kind("zero pad"),
    ResponseNorm: Kind("response norm"),
    SameMapNorm: Kind("same-map norm"),
    nn.BatchNorm2d: Kind("batchnorm"),
    nn.Linear: Kind("linear", _once),
    Maxout: Kind("maxout"),
    RBF: Kind("RBF", lambda layer, output: layer.codes.numel()),
    Retina: Kind("photocells"),
    AUnits: Kind("fixed wiring"),
    # Of the S-cells' two sets of weights, those that excite.
    SCells: Kind("S-cells", lambda layer, output: layer.a.numel() * output.shape[2] * output.shape[3], windows=True),
    HOG: Kind("HOG"),
    PrincipalComponents: Kind("projection", _matrices),
    Neighbours: Kind("neighbours", _matrices),
    PixelNeighbours: Kind("neighbours", _matrices),
    CCells: Kind("C-cells", lambda layer, output: layer.d.numel() * output.numel(), windows=True),
}
#: What happens between the layers of somebody's own network, or to parameters that are no layer's.
BETWEEN = "other"
WORDS = {kind.word for kind in KINDS.values()} | {BETWEEN}


@dataclass(frozen=True)
class Row:
    """One layer. Filters are square: ``kernel`` F, ``stride`` S and ``padding`` P are one side each, in pixels.

    Shapes are those of one image, (C, H, W) or (features,). The padding of a convolution or pooling lies on all four
    sides, that of a "zero pad" only at the right and the bottom. ``macs`` are multiply-accumulates an image, biases
    not counted; the multiplications of a "subsampling" are in its own row but not in a network's total.
    """

    name: str
    kind: str
    groups: int
    kernel: int | None
    stride: int | None
    padding: int | None
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    macs: int

    @property
    def elementwise(self) -> bool:
        """Whether this is an activation, dropout, flatten or the like: nothing to count and no geometry."""
        return self.kind not in WORDS and not self.parameters


def summarize(network: Network) -> list[Row]:
    """One Row a layer, in the order the data move; raises TypeError for a layer it has no counting rule for.

    Blocks are taken apart: their layers have a Row each, under their place in the network (``block1.conv1``). Of a
    layer that images pass several times, the later Rows have no parameters. What is somebody's own and not in
    ``KINDS`` is counted by torch, as half the operations of its matrix products and convolutions; what these do
    between the layers, or with parameters that are no layer's, has the Row ``(between layers)``.

    The network runs once, on an image of ``network.input_shape``: build it under ``torch.device("meta")``, and
    nothing is stored or computed.
    """
    rows: list[Row] = []
    met: set[nn.Parameter] = set()
    device = next((p.device for p in network.parameters()), None)
    x = torch.empty(1, *network.input_shape, device=device)
    with torch.no_grad(), answering(network), ExitStack() as stack:
        for name, layer in list(_apart(network.root)) or list(_apart(network)):
            for hook in _hooks(rows, met, name, layer, counted=network.is_own):
                stack.enter_context(hook)
        if not network.is_own:
            network.compute_logits(x)
            return rows
        with torch.random.fork_rng(devices=[]), _counter() as all_of_it:
            logits = network.compute_logits(torch.zeros_like(x))
    parameters = sum(p.numel() for p in network.parameters() if p not in met)
    macs = all_of_it.get_total_flops() // 2 - sum(row.macs for row in rows if row.kind != KINDS[Subsampling].word)
    if parameters or macs > 0:
        shape = tuple(logits.shape[1:])
        place = next((n for n in range(len(rows), 0, -1) if rows[n - 1].output_shape == shape), len(rows))
        rows.insert(
            place, Row("(between layers)", BETWEEN, 1, None, None, None, shape, shape, parameters, max(macs, 0))
        )
    return rows


def _apart(module: nn.Module, place: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers with their places, and those of blocks in place of the blocks."""
    for name, layer in module.named_children():
        whole = type(layer) in KINDS or type(layer).__module__.startswith("zoo.layers.")
        if whole or not any(True for _ in layer.children()) or isinstance(layer, nn.MultiheadAttention):
            yield place + name, layer
        else:
            yield from _apart(layer, f"{place}{name}.")


def _hooks(
    rows: list[Row], met: set[nn.Parameter], name: str, layer: nn.Module, counted: bool
) -> Iterator[AbstractContextManager[Any]]:
    """What adds a Row whenever something goes through ``layer``."""
    counters: list[FlopCounterMode] = []

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        counters.append(_counter())
        counters[-1].__enter__()

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        macs = None
        if counted:
            counter = counters.pop()
            counter.__exit__(None, None, None)
            macs = counter.get_total_flops() // 2
        shape, result = _first_tensor(inputs), _first_tensor(output)
        if shape is None or result is None:
            return
        new = sum(p.numel() for p in layer.parameters() if p not in met)
        met.update(layer.parameters())
        rows.append(_row(name, layer, tuple(shape.shape[1:]), result, new, macs))

    if counted:
        yield layer.register_forward_pre_hook(before)
        yield _stopped(counters)
    yield layer.register_forward_hook(after)


def _counter() -> "FlopCounterMode":
    """Counts the operations of somebody's own layers."""
    # Imported here, for it brings in triton, and ours are counted without it.
    from torch.utils.flop_counter import FlopCounterMode

    return FlopCounterMode(display=False)


@contextmanager
def _stopped(counters: list["FlopCounterMode"]) -> Iterator[None]:
    """Ends the counters of a layer that raised: they hook into all modules."""
    try:
        yield
    finally:
        while counters:
            counters.pop().__exit__(None, None, None)


def _first_tensor(values: Any) -> Tensor | None:
    """Of what goes into a layer or comes out of it, the images' own: some layers give several."""
    if isinstance(values, Tensor):
        return values
    return next((value for value in values if isinstance(value, Tensor)), None) if isinstance(values, tuple) else None


def total_macs(rows: list[Row]) -> tuple[int, int]:
    """The multiply-accumulates of all layers but subsampling (of S-cells those of a); those of subsampling, apart."""
    apart = sum(row.macs for row in rows if row.kind == KINDS[Subsampling].word)
    return sum(row.macs for row in rows) - apart, apart


def _row(
    name: str, layer: nn.Module, input_shape: tuple[int, ...], output: Tensor, parameters: int, counted: int | None
) -> Row:
    """``counted`` are the multiply-accumulates that torch has counted, where it has."""
    kind = KINDS.get(type(layer), Kind(type(layer).__name__))
    if type(layer) not in KINDS and counted is None and any(p.ndim > 1 for p in layer.parameters()):
        raise TypeError(f"no rule for the multiply-accumulates of {kind.word}")
    if counted is not None:
        return _counted_row(name, layer, input_shape, output, parameters, counted)
    kernel, stride, padding = _geometry(layer, kind)
    return Row(
        name=name,
        kind=kind.word,
        groups=getattr(layer, "groups", 1) if isinstance(layer, nn.Conv2d) else 1,
        kernel=kernel,
        stride=stride,
        padding=padding,
        input_shape=input_shape,
        output_shape=tuple(output.shape[1:]),
        parameters=parameters,
        macs=kind.macs(layer, output),
    )


def _counted_row(
    name: str, layer: nn.Module, input_shape: tuple[int, ...], output: Tensor, parameters: int, counted: int
) -> Row:
    """A Row of a network that is not the zoo's: its filters need not be square, and have no geometry then."""
    kind = KINDS.get(type(layer), Kind(type(layer).__name__))
    try:
        kernel, stride, padding = _geometry(layer, kind)
    except TypeError:
        kernel = stride = padding = None
    # torch knows nothing of what is computed elementwise, as the zoo's subsampling is.
    macs = counted if type(layer) not in KINDS or not type(layer).__module__.startswith("zoo.") else None
    return Row(
        name, kind.word, getattr(layer, "groups", 1) if isinstance(layer, nn.Conv2d) else 1, kernel, stride, padding,
        input_shape, tuple(output.shape[1:]), parameters, kind.macs(layer, output) if macs is None else macs,
    )  # fmt: skip


def _geometry(layer: Any, kind: Kind) -> tuple[int | None, int | None, int | None]:
    """Kernel, stride and padding, or None where the layer has no such thing."""
    if isinstance(layer, Subsampling):
        return 2, 2, 0
    if kind.windows:
        return _side(layer.kernel_size), _side(layer.stride), _side(layer.padding)
    if isinstance(layer, nn.ZeroPad2d):
        left, right, top, bottom = layer.padding
        if left or top or right != bottom:
            raise TypeError(f"no sentence for a zero pad of {layer.padding}: only for one at the right and the bottom")
        return None, None, right
    return None, None, None


def _side(value: Any) -> int:
    sides = {value} if isinstance(value, int) else set(value)
    if len(sides) != 1 or not all(isinstance(side, int) for side in sides):
        raise TypeError(f"filters are square here, not {value}")
    return int(sides.pop())


def misfits(rows: list[Row]) -> list[str]:
    """One sentence for each filter with a remainder in (N - F + 2P) / S, and what becomes of it."""
    sentences, zeros = [], 0
    for row in rows:
        if row.kernel is not None:
            sentences.append(_misfit(row, zeros))
        zeros = row.padding or 0 if row.kind == KINDS[nn.ZeroPad2d].word else 0
    return [sentence for sentence in sentences if sentence]


def _misfit(row: Row, zeros: int) -> str:
    """The sentence, or "". ``zeros`` columns and rows were added at the right and bottom just before the layer."""
    side, size, step, padding = row.input_shape[1] - zeros, row.kernel or 1, row.stride or 1, row.padding or 0
    span = side - size + 2 * padding
    rest = (span + zeros) % step
    if not rest and not span % step:
        return ""
    fit = "does not fit" if span % step else "fits"
    text = f"{row.name}: {size}x{size} at stride {step} {fit} {side} evenly:"
    text += f" ({side} - {size} + 2*{padding})/{step} + 1 = {_decimal(span / step + 1)}"
    if zeros:
        text += f"; {_lines(zeros, 'zero ')} at the right and bottom make it {side + zeros}:"
        text += f" {_decimal((span + zeros) / step + 1)}"
    out = row.output_shape[1]
    if out > (span + zeros) // step + 1:
        text += f", rounded up to {out}; the last filters reach past the edge by {step - rest}"
        if row.kind == KINDS[nn.AvgPool2d].word:
            text += " and average what lies inside"
    elif rest:
        text += f", rounded down to {out}; {_unread(rest, zeros + padding)} are not read"
    return f"{text}."


def _unread(rest: int, zeros: int) -> str:
    """The last ``rest`` columns and rows, where the last ``zeros`` of all are no pixels but zeros."""
    if rest <= zeros:
        return f"the last {_lines(rest, 'zero ')}"
    if zeros:
        return f"the zeros at the right and bottom and the last {_lines(rest - zeros)} before them"
    return f"the last {_lines(rest)}"


def _lines(number: int, what: str = "") -> str:
    return f"{what}column and row" if number == 1 else f"{number} {what}columns and rows"


def _decimal(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
