"""LeNet-5's learning rule: second derivatives against exact ones and against loops, the step against its formula."""

from itertools import product

import pytest
import torch
from lightning.pytorch import Trainer
from tensor_cases import random
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from zoo.errors import InputError
from zoo.layers import ScaledTanh, Subsampling, TableConv2d
from zoo.models import LeNet5Model
from zoo.models.curvature import diagonal
from zoo.models.lenet5 import LeNet5
from zoo.models.lenet5_model import map_curvatures, map_losses
from zoo.optim import SDLM


def lenet5(scale: float = 1.0) -> LeNet5:
    """LeNet-5 in float64 with weights wide enough for its units to leave the straight part of the squash."""
    network = LeNet5(distance_scale=scale).double()
    for seed, p in enumerate(network.parameters()):
        p.data = random(*p.shape, seed=seed) / max(1, p[0].numel()) ** 0.5
    return network


def body(network: nn.Sequential) -> list[nn.Module]:
    return list(network)[:-2]


def exact(loss_of, parameter: nn.Parameter, position: tuple[int, ...]) -> float:
    """d2E/dw2 of one number of a parameter, by differentiating twice."""
    loss = loss_of()
    first = torch.autograd.grad(loss, parameter, create_graph=True)[0][position]
    return torch.autograd.grad(first, parameter)[0][position].item()


@pytest.mark.parametrize(("j", "scale"), [(0.1, 1.0), (10.0, 1.0), (1.0, 20.0)])
def test_the_loss_by_an_output_unit_has_its_exact_second_derivative(j, scale):
    codes = lenet5().output.codes.double()
    features = codes[[3, 8, 0]] * 0.7 + 0.4 * random(3, 84)
    labels = torch.tensor([3, 9, 5])
    estimate = map_curvatures(features, codes, j, scale)
    for n in range(3):
        x = features[n].clone().requires_grad_()
        loss = map_losses(-(x - codes).square().sum(dim=1)[None] / scale, labels[n : n + 1], j)[0]
        first = torch.autograd.grad(loss, x, create_graph=True)[0]
        second = [torch.autograd.grad(first[unit], x, retain_graph=True)[0][unit] for unit in range(84)]
        torch.testing.assert_close(estimate[n], torch.stack(second), rtol=0, atol=1e-10)
    assert (estimate >= 0).all()


def test_without_a_squash_above_them_weights_have_their_exact_second_derivative():
    # One linear layer before the loss: nothing is left out there, so the estimate is the Hessian's diagonal.
    torch.manual_seed(0)
    codes, first, labels = lenet5().output.codes.double(), nn.Linear(6, 84).double(), torch.tensor([1, 4, 4, 7])
    x = random(4, 6)
    estimate = diagonal([first], x, lambda f: map_curvatures(f, codes, 1.0, 20.0))

    def loss() -> Tensor:
        return map_losses(-(first(x)[:, None] - codes).square().sum(dim=2) / 20, labels, 1.0).mean()

    for position in [(0, 0), (17, 3), (83, 5)]:
        assert estimate[first.weight][position].item() == pytest.approx(exact(loss, first.weight, position), abs=1e-12)
        assert estimate[first.bias][position[0]].item() == pytest.approx(
            exact(loss, first.bias, position[:1]), abs=1e-12
        )


def test_f6_has_its_exact_second_derivative_but_for_the_slope_s_own_change():
    network, x, labels = lenet5(20.0), random(3, 1, 32, 32), torch.tensor([2, 0, 9])
    codes, f6 = network.output.codes.double(), network.f6
    estimate = diagonal(body(network), x, lambda f: map_curvatures(f, codes, 1.0, 20.0))
    below = network[: list(dict(network.named_children())).index("f6")](x).detach()
    sums = f6(below).detach().requires_grad_()
    out = ScaledTanh()(sums)
    gradient = torch.autograd.grad(
        map_losses(-(out[:, None] - codes).square().sum(dim=2) / 20, labels, 1.0).sum(), out
    )[0]
    # f'' of 1.7159 tanh(2a/3), by hand.
    t = torch.tanh(sums.detach() * 2 / 3)
    bend = 1.7159 * (4 / 9) * (-2 * t * (1 - t * t))
    left_out = torch.einsum("nk,ni->ki", gradient * bend, below.square()) / 3

    def loss() -> Tensor:
        return map_losses(network(x), labels, 1.0).mean()

    for position in [(0, 0), (40, 61), (83, 119)]:
        expected = exact(loss, f6.weight, position)
        assert (estimate[f6.weight] + left_out)[position].item() == pytest.approx(expected, rel=1e-9)


def test_where_every_output_is_on_target_the_whole_of_f6_is_exact():
    # There the slope's own change is multiplied by a gradient of 0; this is equation 8 with outputs as targets.
    network, x = lenet5(), random(2, 1, 32, 32)
    f6, target = network.f6, network[:-2](x).detach()
    estimate = diagonal(body(network), x, lambda f: torch.full_like(f, 2.0))

    def loss() -> Tensor:
        return (network[:-2](x) - target).square().sum(dim=1).mean()

    for position in [(0, 0), (51, 7), (83, 119)]:
        assert estimate[f6.weight][position].item() == pytest.approx(exact(loss, f6.weight, position), rel=1e-9)


def test_every_layer_follows_the_recursion_of_appendix_c_connection_by_connection():
    torch.manual_seed(0)
    table = TableConv2d(((0,), (0, 1)), in_maps=2, size=2)
    layers = [nn.Conv2d(1, 2, 2), ScaledTanh(), Subsampling(2), ScaledTanh(), table, nn.Flatten(), nn.Linear(8, 3)]
    layers = [layer.double() for layer in layers]
    for seed, p in enumerate(p for layer in layers for p in layer.parameters()):
        p.data = random(*p.shape, seed=seed)
    x = random(2, 1, 7, 7, seed=99)
    estimate = diagonal(layers, x, lambda out: out.square() + 1)

    xs = [x]
    for layer in layers:
        xs.append(layer(xs[-1]).detach())
    expected = {p: torch.zeros_like(p) for layer in layers for p in layer.parameters()}
    conv, _, pool, _, _, _, full = layers
    for n in range(2):
        h7 = xs[7][n].square() + 1
        for k in range(3):
            expected[full.bias][k] += h7[k]
            for i in range(8):
                expected[full.weight][k, i] += h7[k] * xs[6][n, i] ** 2
        h6 = torch.stack([sum(full.weight[k, i] ** 2 * h7[k] for k in range(3)) for i in range(8)])
        h5, h4 = h6.view(2, 2, 2), torch.zeros(2, 3, 3, dtype=torch.float64)
        kernels = [(0, 0), (1, 0), (1, 1)]
        for (number, (o, i)), r, c, a, b in product(enumerate(kernels), *[range(2)] * 4):
            expected[table.weight][number, a, b] += h5[o, r, c] * xs[4][n, i, r + a, c + b] ** 2
            h4[i, r + a, c + b] += h5[o, r, c] * table.weight[number, a, b] ** 2
        for o in range(2):
            expected[table.bias][o] += h5[o].sum()
        h3 = h4 * slope(xs[3][n]) ** 2
        h2 = torch.zeros(2, 6, 6, dtype=torch.float64)
        for m, r, c in product(range(2), range(3), range(3)):
            expected[pool.bias][m] += h3[m, r, c]
            for a, b in product(range(2), range(2)):
                expected[pool.coefficient][m] += h3[m, r, c] * xs[2][n, m, 2 * r + a, 2 * c + b] ** 2
                h2[m, 2 * r + a, 2 * c + b] += h3[m, r, c] * pool.coefficient[m] ** 2
        h1 = h2 * slope(xs[1][n]) ** 2
        for o, r, c in product(range(2), range(6), range(6)):
            expected[conv.bias][o] += h1[o, r, c]
            for a, b in product(range(2), range(2)):
                expected[conv.weight][o, 0, a, b] += h1[o, r, c] * x[n, 0, r + a, c + b] ** 2
    assert estimate.keys() == expected.keys()
    for p, value in expected.items():
        torch.testing.assert_close(estimate[p], value.detach() / 2, rtol=0, atol=1e-10)


def slope(a: Tensor) -> Tensor:
    return 1.7159 * 2 / 3 * (1 - torch.tanh(2 * a / 3) ** 2)


def test_a_layer_without_a_rule_is_refused():
    with pytest.raises(TypeError, match="MaxPool2d"):
        diagonal([nn.MaxPool2d(2)], random(1, 1, 4, 4), torch.ones_like)


def test_a_step_divides_the_rate_by_mu_plus_the_curvature():
    w, b = nn.Parameter(random(3, 2)), nn.Parameter(random(3))
    optimizer = SDLM([{"params": [w]}, {"params": [b], "lr": 0.002}], lr=0.001, mu=0.02)
    curvatures = {w: random(3, 2, seed=1).square(), b: random(3, seed=2).square()}
    optimizer.set_curvatures(curvatures)
    before, gradients = (w.detach().clone(), b.detach().clone()), (random(3, 2, seed=3), random(3, seed=4))
    w.grad, b.grad = (g.clone() for g in gradients)
    optimizer.step()
    for p, old, gradient, rate in zip((w, b), before, gradients, (0.001, 0.002), strict=True):
        torch.testing.assert_close(p.detach(), old - rate / (0.02 + curvatures[p]) * gradient)
    assert sorted(optimizer.rates().tolist()) == pytest.approx(
        sorted([*(0.001 / (0.02 + curvatures[w])).flatten().tolist(), *(0.002 / (0.02 + curvatures[b])).tolist()])
    )


def test_a_step_without_curvatures_is_an_error_and_so_is_a_mu_of_zero():
    w = nn.Parameter(random(2))
    w.grad = torch.ones_like(w)
    with pytest.raises(RuntimeError, match="set_curvatures"):
        SDLM([w]).step()
    with pytest.raises(ValueError, match="mu above 0"):
        SDLM([w], mu=0)


def loader(n: int = 24) -> DataLoader:
    images, labels = random(n, 1, 32, 32).float(), torch.arange(n) % 10
    return DataLoader(TensorDataset(images, labels), batch_size=4)


def trainer(**options) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return Trainer(max_epochs=2, accelerator="cpu", enable_checkpointing=False, **quiet, **options)


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*no `val_dataloader`.*")
def test_training_measures_the_curvatures_anew_before_each_epoch_on_the_first_images():
    torch.manual_seed(0)
    seen = []

    class Watched(SDLM):
        def set_curvatures(self, curvatures):
            seen.append({p: h.clone() for p, h in curvatures.items()})
            before.append([p.detach().clone() for p in model.network.parameters()])
            super().set_curvatures(curvatures)

    before: list = []
    model = LeNet5Model(optimizer=lambda groups: Watched(groups, lr=0.01, mu=1.0), num_curvature=10)
    trainer().fit(model, loader())
    assert len(seen) == 2
    images = loader().dataset.tensors[0][:10]
    for values, weights in zip(seen, before, strict=True):
        twin = LeNet5()
        for p, value in zip(twin.parameters(), weights, strict=True):
            p.data = value
        expected = diagonal(body(twin), images, lambda f, c=twin.output.codes: map_curvatures(f, c, model.j))
        for p, q in zip(model.network.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(values[p], expected[q])


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*no `val_dataloader`.*")
def test_the_modern_form_is_refused_in_a_sentence():
    model = LeNet5Model("modern", optimizer=SDLM)
    with pytest.raises(InputError, match="paper form only"):
        trainer().fit(model, loader())
