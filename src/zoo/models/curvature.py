"""The diagonal of the second derivatives by back-propagation (LeCun et al. 1998, Appendix C)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from zoo.layers import ScaledTanh, Subsampling, TableConv2d

Curvatures = dict[nn.Parameter, Tensor]

LINEAR = (nn.Conv2d, nn.Linear, TableConv2d, Subsampling)
ELEMENTWISE = (ScaledTanh, nn.Tanh, nn.Sigmoid, nn.Identity)


def diagonal(layers: Iterable[nn.Module], images: Tensor, second: Callable[[Tensor], Tensor]) -> Curvatures:
    """An estimate of d2E/dw2 for every parameter, in its shape, where E is the mean loss of ``images`` (N, ...).

    ``layers`` run one after another; ``second`` takes what the last one gives to the second derivative of each image's
    loss by each unit, in the same shape. The estimate is the paper's: from layer to layer through squared weights and
    squared slopes, without the slope's own change (equation 27 less its last term, after Gauss and Newton), without
    what two units have in common, and with a shared weight's connections added up each for itself (equation 25). It is
    never negative where ``second`` is not. Raises TypeError for a layer that this has no rule for.
    """
    chain, inputs = list(layers), [images]
    with torch.no_grad():
        for layer in chain:
            inputs.append(layer(inputs[-1]))
    result: Curvatures = {}
    curvature = second(inputs.pop()) / len(images)
    for layer, x in zip(reversed(chain), reversed(inputs), strict=True):
        if isinstance(layer, LINEAR):
            curvature, of_parameters = _through_linear(layer, x, curvature)
            result |= of_parameters
        elif isinstance(layer, ELEMENTWISE):
            curvature = _slope(layer, x).square() * curvature
        elif isinstance(layer, nn.Flatten):
            curvature = curvature.view_as(x)
        else:
            raise TypeError(f"no rule for the second derivatives of {type(layer).__name__}")
    return result


@torch.enable_grad()
def _through_linear(layer: nn.Module, x: Tensor, curvature: Tensor) -> tuple[Tensor, Curvatures]:
    """The curvatures of the layer's inputs, sum_k u_ki^2 h_k, and of its parameters, sum h_i x_j^2 over connections.

    The same layer with squared weights on squared inputs has these sums as its ordinary first derivatives.
    """
    squares = {name: p.detach().square().requires_grad_() for name, p in layer.named_parameters()}
    x = x.detach().square().requires_grad_()
    by_weight = torch.autograd.grad(
        functional_call(layer, squares, (x,)), [x, *squares.values()], grad_outputs=curvature
    )
    return by_weight[0], dict(zip(layer.parameters(), by_weight[1:], strict=True))


@torch.enable_grad()
def _slope(layer: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(layer(x).sum(), x)[0]
