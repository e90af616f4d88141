"""The error-correction rule beside its bound, and on exclusive-or: python benchmarks/error_correction.py."""

import torch

from zoo.optim import learn, mistake_bound


def separable(gamma: float, num: int = 1000, features: int = 10) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Patterns on both sides of a random hyperplane, none nearer to it than ``gamma``; their targets; its normal."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(num, features, generator=generator, dtype=torch.float64)
    normal = torch.randn(features, generator=generator, dtype=torch.float64)
    normal /= normal.norm()
    targets = torch.where(patterns @ normal >= 0, 1.0, -1.0).double()
    return patterns + gamma * targets[:, None] * normal, targets, normal


def main() -> None:
    for gamma in (1.0, 0.3, 0.1, 0.03):
        patterns, targets, normal = separable(gamma)
        bound = mistake_bound(patterns, targets, normal)
        _, course = learn(patterns, targets[:, None], max_epochs=10_000)
        print(f"gamma {gamma:<4}  bound (R/gamma)^2 {bound:>9,.0f}  corrections {course.corrections:>5,}")
    exclusive_or = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    print(learn(exclusive_or, torch.tensor([[-1.0], [1], [1], [-1]]), max_epochs=10_000)[1].sentence)


if __name__ == "__main__":
    main()
