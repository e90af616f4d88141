"""The neocognitron: its cells and its learning rule against loops that follow the formulas, its counts."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from zoo.layers import CCells, SCells, TopCells
from zoo.models import get_model
from zoo.models.neocognitron_model import COLUMNS, STEPS, reinforcement, representatives
from zoo.report.network import describe

# Fukushima 1980: cells of each layer, values learnt, multiply-accumulates.
TABLE = {
    "us1": ([24, 16, 16], 600 + 24, 153_600), "uc1": ([24, 10, 10], 0, 60_000),
    "us2": ([24, 8, 8], 14_400 + 24, 921_600), "uc2": ([24, 6, 6], 0, 21_600),
    "us3": ([24, 2, 2], 14_400 + 24, 57_600), "uc3": ([24, 1, 1], 0, 96),
    "top_cells": ([5], 0, 0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _float64():
    """Fixed weights are computed when a layer is built: in float64, as the loops have them."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Outputs of cells: none is negative."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def s_cells(padding: int, r: float = 1.5) -> SCells:
    """Two planes of three that have learnt something; the decay and the sizes are no network's."""
    cells = SCells(2, 3, size=3, padding=padding, r=r, decay=0.7, initial=0.1)
    cells.a.data, cells.b.data = random(3, 2, 3, 3, seed=1), random(3, seed=2)
    return cells


def at(u: Tensor, plane: int, y: int, x: int) -> float:
    """The cell's output, 0 beyond the border."""
    return u[plane, y, x].item() if 0 <= y < u.shape[1] and 0 <= x < u.shape[2] else 0.0


def fixed_c(planes: int, size: int, decay: float) -> dict[tuple[int, int], float]:
    """c of each place, written anew: falls with the distance, and its sum over places and planes is 1."""
    half = (size - 1) / 2
    raw = {(i, j): decay ** math.hypot(i - half, j - half) for i, j in product(range(size), repeat=2)}
    return {place: value / (planes * sum(raw.values())) for place, value in raw.items()}


def v_cell(u: Tensor, c: dict[tuple[int, int], float], y: int, x: int) -> float:
    """The inhibitory cell whose field begins at (y, x)."""
    return math.sqrt(sum(c[i, j] * at(u, k, y + i, x + j) ** 2 for k in range(len(u)) for i, j in c))


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("r", [1.5, 4.0])
def test_s_cells_follow_the_formula_cell_by_cell(padding, r):
    cells, u = s_cells(padding, r), random(2, 2, 5, 6, seed=3)
    c = fixed_c(2, 3, 0.7)
    assert sum(c.values()) * 2 == pytest.approx(1)
    found = cells(u)
    expected = torch.empty(2, 3, 5 + 2 * padding - 2, 6 + 2 * padding - 2)
    for n, k, y, x in product(*map(range, expected.shape)):
        field = [
            (p, i, j, at(u[n], p, y - padding + i, x - padding + j)) for p, i, j in product(range(2), *[range(3)] * 2)
        ]
        excitation = 1 + sum(cells.a[k, p, i, j].item() * value for p, i, j, value in field)
        v = v_cell(u[n], c, y - padding, x - padding)
        inhibition = 1 + 2 * r / (1 + r) * cells.b[k].item() * v
        expected[n, k, y, x] = r * max(excitation / inhibition - 1, 0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert (expected > 0).any()


@pytest.mark.parametrize("padding", [-1, 0, 1])
def test_c_cells_follow_the_formula_cell_by_cell(padding):
    cells, u = CCells(size=3, padding=padding, alpha=0.5, decay=0.6, strength=2.0), random(2, 4, 6, 7)
    found = cells(u)
    expected = torch.empty(2, 4, 6 + 2 * padding - 2, 7 + 2 * padding - 2)
    for n, y, x in product(range(2), *map(range, expected.shape[2:])):
        sums = [
            sum(
                2.0 * 0.6 ** math.hypot(i - 1, j - 1) * at(u[n], k, y - padding + i, x - padding + j)
                for i, j in product(range(3), repeat=2)
            )
            for k in range(4)
        ]
        for k in range(4):
            value = max((1 + sums[k]) / (1 + sum(sums) / 4) - 1, 0)
            expected[n, k, y, x] = value / (0.5 + value)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert (expected > 0).any()
    assert (expected == 0).any()


def test_a_cell_that_has_learnt_one_pattern_answers_it_with_1_and_others_by_their_cosine():
    # Far into learning the terms "1 +" no longer count: u = relu((1 + r) s - r), s the cosine under the weights c.
    r, c = 1.5, fixed_c(2, 3, 0.7)
    cells = SCells(2, 1, size=3, padding=0, r=r, decay=0.7, initial=0.0)
    own, other = random(1, 2, 3, 3, seed=4), random(1, 2, 3, 3, seed=5)
    a, b = reinforcement(cells, own, torch.tensor([0]), step=1e9)
    cells.a.data += a
    cells.b.data += b
    dot = sum(c[i, j] * own[0, k, i, j].item() * other[0, k, i, j].item() for k in range(2) for i, j in c)
    cosine = dot / v_cell(own[0], c, 0, 0) / v_cell(other[0], c, 0, 0)
    assert cosine > r / (1 + r)
    assert cells(own).item() == pytest.approx(1, abs=1e-6)
    assert cells(3 * own).item() == pytest.approx(1, abs=1e-6)
    assert cells(other).item() == pytest.approx((1 + r) * cosine - r, abs=1e-6)
    far = own.clone()
    far[:, 1] = 0
    far[:, 0, 1:] = 0
    assert cells(far).item() == 0


def representatives_by_hand(outputs: Tensor, column: int) -> list[int]:
    """Each column's strongest cell is a candidate, each plane's strongest candidate its representative."""
    planes, height, width = outputs.shape
    before, candidates = (column - 1) // 2, set()
    corners = [
        (y - before, x - before)
        for y, x in product(range(height), range(width))
        if column % 2 or (y - before + column <= height and x - before + column <= width)
    ]
    for top, left in corners:
        members = [
            (k, y, x)
            for k, y, x in product(range(planes), range(top, top + column), range(left, left + column))
            if 0 <= y < height and 0 <= x < width
        ]
        winner = max(members, key=lambda cell: outputs[cell].item())
        if outputs[winner] > 0:
            candidates.add(winner)
    found = []
    for plane in range(planes):
        own = [cell for cell in candidates if cell[0] == plane]
        _, y, x = max(own, key=lambda cell: outputs[cell].item()) if own else (plane, -1, width - 1)
        found.append(y * width + x)
    return found


@pytest.mark.parametrize(("column", "shape"), [(5, (4, 9, 8)), (3, (5, 6, 6)), (2, (4, 2, 2)), (2, (24, 2, 2))])
def test_representatives_are_the_strongest_of_each_column_and_plane(column, shape):
    for seed in range(5):
        outputs = random(*shape, seed=seed)
        # Most cells are silent most of the time.
        outputs = torch.where(random(*shape, seed=seed + 100) < 0.6, 0, outputs)
        assert representatives(outputs, column).tolist() == representatives_by_hand(outputs, column)


def test_silent_cells_are_never_reinforced():
    assert representatives(torch.zeros(3, 6, 6), 5).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("padding", [0, 2])
def test_one_reinforcement_follows_the_rule_value_by_value(padding):
    cells, u, step = s_cells(padding), random(1, 2, 6, 5, seed=6), 16.0
    width, c = 5 + 2 * padding - 2, fixed_c(2, 3, 0.7)
    places = torch.tensor([width + 2, -1, 0])
    a, b = reinforcement(cells, u, places, step)
    wanted_a, wanted_b = torch.zeros(3, 2, 3, 3), torch.zeros(3)
    for k, (y, x) in {0: (1, 2), 2: (0, 0)}.items():
        for p, i, j in product(range(2), range(3), range(3)):
            wanted_a[k, p, i, j] = step * c[i, j] * at(u[0], p, y - padding + i, x - padding + j)
        wanted_b[k] = step / 2 * v_cell(u[0], c, y - padding, x - padding)
    torch.testing.assert_close(a, wanted_a, rtol=0, atol=1e-10)
    torch.testing.assert_close(b, wanted_b, rtol=0, atol=1e-10)


def test_layers_have_the_sizes_and_counts_of_1980():
    found = describe("neocognitron")
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert {k: tuple(v[f] for f in ("output_shape", "parameters", "macs")) for k, v in layers.items()} == TABLE
    assert found["parameters"] == found["published"]["parameters"] == 29_472
    assert sum(layers[f"us{n}"]["macs"] for n in (1, 2, 3)) == 153_600 + 921_600 + 57_600
    assert found["macs"] == 153_600 + 921_600 + 57_600 + 60_000 + 21_600 + 96


def test_constants_are_those_of_1980():
    network = get_model("neocognitron")
    assert [network.us1.r, network.us2.r, network.us3.r] == [4.0, 1.5, 1.5]
    assert {network.uc1.alpha, network.uc2.alpha, network.uc3.alpha} == {0.5}
    assert STEPS == (1.0, 16.0, 16.0)
    assert COLUMNS == (5, 5, 2)


def test_learning_starts_from_small_positive_a_that_differ_by_plane_and_from_b_of_zero():
    network = get_model("neocognitron")
    for cells in (network.us1, network.us2, network.us3):
        assert 0 < cells.a.max() <= 1e-3
        assert (cells.a >= 0).all()
        assert (cells.b == 0).all()
        assert len({tuple(plane.flatten().tolist()) for plane in cells.a}) == 24
    # Each plane of US1 answers best to a line of its own direction: rows for plane 0, columns for plane 12.
    row, column = torch.zeros(2, 5, 5).unbind()
    row[2], column[:, 2] = 1, 1
    excited = (network.us1.a[[0, 12], 0, None] * torch.stack([row, column])).sum(dim=(2, 3))
    assert excited[0, 0] > 2 * excited[0, 1]
    assert excited[1, 1] > 2 * excited[1, 0]


def test_nothing_about_a_new_network_is_random():
    first = get_model("neocognitron").state_dict()
    torch.manual_seed(1)
    second = get_model("neocognitron").state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_top_cells_are_named_by_what_they_answered():
    top = TopCells(4, 3)
    outputs = torch.tensor([[0.5, 0.0, 0.1, 0.0], [0.0, 0.9, 0.2, 0.0], [0.3, 0.0, 0.2, 0.0]])[:, :, None, None]
    for u, label in zip(outputs, (2, 0, 1), strict=True):
        top.note(u[None], torch.tensor([label]))
    torch.testing.assert_close(top.answered.sum(), torch.tensor(2.2))
    # Cell 2 answered 0 and 1 alike: the first has the name. Cell 3 never answered.
    assert top.names.tolist() == [2, 0, 0, -1]
    logits = top(torch.tensor([[0.2, 0.3, 0.4, 9.0], [0.0, 0.0, 0.0, 9.0]])[:, :, None, None])
    torch.testing.assert_close(logits[0], torch.tensor([0.4, 0.0, 0.2]))
    assert logits[1].isnan().all()


def test_another_variant_or_size_is_refused():
    with pytest.raises(ValueError, match=r"'modern'.*paper"):
        get_model("neocognitron", variant="modern")
    with pytest.raises(ValueError, match="num_classes"):
        get_model("neocognitron", num_classes=-1)
    assert isinstance(get_model("neocognitron")[:2], nn.Sequential)
