"""The lecture's two- and three-layer networks with all six activations: their forward in numpy; that each learns."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import zoo
from zoo.models import MLPModel

ACTIVATIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, z / 100),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    # Unit u is the larger of the numbers 2u and 2u + 1.
    "maxout": lambda z: np.array([[max(row[i], row[i + 1]) for i in range(0, len(row), 2)] for row in z]),
}
networks = pytest.mark.parametrize("hidden", [(12,), (12, 9)], ids=["two layers", "three layers"])


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """600 of scikit-learn's 8x8 digits, of mean 0 and variance 1."""
    images, labels = (torch.from_numpy(array[:600]) for array in load_digits(return_X_y=True))
    images = ((images - images.mean()) / images.std()).float()
    return images.view(-1, 1, 8, 8), labels.long()


@networks
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_is_its_formula_written_in_numpy(activation, hidden):
    torch.manual_seed(0)
    options = {"in_channels": 2, "input_size": 3, "num_classes": 4, "hidden": hidden, "activation": activation}
    network = zoo.get_model("mlp", **options).double()
    arrays = []
    for parameter in network.parameters():
        arrays.append(np.random.default_rng(len(arrays)).normal(size=parameter.shape))
        parameter.data = torch.from_numpy(arrays[-1])
    images = np.random.default_rng(99).normal(size=(7, 2, 3, 3))
    x = images.reshape(7, 18)
    for weight, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        x = ACTIVATIONS[activation](np.einsum("ni,oi->no", x, weight) + bias)
    assert x.shape == (7, hidden[-1])
    expected = np.einsum("ni,oi->no", x, arrays[-2]) + arrays[-1]
    np.testing.assert_allclose(network(torch.from_numpy(images)).detach().numpy(), expected, rtol=0, atol=1e-10)


@networks
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_learns_its_digits(activation, hidden, digits):
    torch.manual_seed(0)
    images, labels = digits
    # The slope of a logistic unit is at most 1/4, so that two layers of them need a higher rate and more time.
    rate, steps = (0.3, 500) if activation == "sigmoid" else (0.03, 200)
    model = MLPModel(
        in_channels=1, input_size=8, hidden=hidden, activation=activation,
        optimizer=lambda groups: torch.optim.SGD(groups, lr=rate, momentum=0.9),
    )  # fmt: skip
    optimizer = model.configure_optimizers()
    before = model.losses(model(images), labels).mean().item()
    for step in range(steps):
        batch = torch.arange(step * 30, step * 30 + 30) % 600
        optimizer.zero_grad()
        model.losses(model(images[batch]), labels[batch]).mean().backward()
        optimizer.step()
    logits = model(images)
    # Ten classes at random: a loss of about 2.3 and 90 % mistakes.
    assert model.losses(logits, labels).mean().item() < 0.3 * before
    assert (logits.argmax(dim=1) != labels).double().mean() < 0.05


@networks
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_gradient_is_the_slope_of_the_loss(activation, hidden):
    torch.manual_seed(1)
    model = MLPModel(num_classes=3, in_channels=1, input_size=2, hidden=hidden, activation=activation).double()
    images, labels = torch.randn(5, 1, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0])
    names, parameters = zip(*model.network.named_parameters(), strict=True)

    def losses(*values: torch.Tensor) -> torch.Tensor:
        logits = torch.func.functional_call(model.network, dict(zip(names, values, strict=True)), images)
        return model.losses(logits, labels)

    assert torch.autograd.gradcheck(losses, parameters)
