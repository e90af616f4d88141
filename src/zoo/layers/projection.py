"""Principal components: the mean of the images and the directions in which they vary most."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 4096


class PrincipalComponents(nn.Module):
    """Coordinates of (x - mean) along ``num_components`` orthogonal directions: (N, D) to float64 (N, num_components).

    Turk and Pentland (1991) call the directions eigenfaces. Each has its largest entry positive: eigenvectors are
    given up to a sign only.
    """

    def __init__(self, num_features: int, num_components: int) -> None:
        super().__init__()
        # Parameters that no gradient trains: ``fit`` finds them.
        self.mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)
        self.components = nn.Parameter(torch.zeros(num_components, num_features), requires_grad=False)

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Takes mean and components of ``x``, (N, D) with N at least ``num_components``, computed in float64."""
        mean = x.sum(dim=0, dtype=torch.float64) / len(x)
        directions = _of_examples(x, mean) if len(x) < x.shape[1] else _of_covariance(x, mean)
        directions = directions.flip(1)[:, : len(self.components)].T
        largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
        self.mean.copy_(mean)
        self.components.copy_(directions * largest.sign())

    def forward(self, x: Tensor) -> Tensor:
        """The coordinates, in float64: distances between them are differences of large numbers."""
        return F.linear(x.double() - self.mean.double(), self.components.double())

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return "{1}, num_components={0}".format(*self.components.shape)


def _of_covariance(x: Tensor, mean: Tensor) -> Tensor:
    """Eigenvectors (D, D) of the covariance, by rising eigenvalue."""
    scatter = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=x.device)
    for rows in x.split(ROWS):
        centred = rows.double() - mean
        scatter.addmm_(centred.T, centred)
    return torch.linalg.eigh(scatter).eigenvectors


def _of_examples(x: Tensor, mean: Tensor) -> Tensor:
    """The same from fewer examples than pixels (D, N), through their (N, N) inner products, as the paper advises."""
    centred = x.double() - mean
    mixtures = torch.linalg.eigh(centred @ centred.T).eigenvectors
    return F.normalize(centred.T @ mixtures, dim=0)
