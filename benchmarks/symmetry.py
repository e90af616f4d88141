"""How many random starts of the 1986 symmetry network find a solution, and which: python benchmarks/symmetry.py."""

import argparse

import torch

from zoo.models.symmetry_starts import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--sweeps", type=int, default=3000)
    options = parser.parse_args()
    starts = train(options.starts, options.sweeps)
    solved = starts.solved_after >= 0
    for sweeps in sorted({1425, options.sweeps}):
        within = starts.solved_after[solved & (starts.solved_after <= sweeps)]
        median = int(within.median()) if len(within) else "-"
        print(f"solved after {sweeps:,} sweeps: {len(within)} of {options.starts}, median {median} sweeps")
    ratios = starts.magnitudes()[solved] / starts.magnitudes()[solved][:, :, :1]
    for family in ((1.0, 2.0, 4.0), (1.0, 1.5, 2.0)):
        near = ((ratios - torch.tensor(family)).abs() < 0.2).all(dim=(1, 2))
        print(f"magnitudes as {':'.join(f'{m:g}' for m in family)} within 0.2: {int(near.sum())}")
    print(f"mirrored weights equal and opposite to {100 * float(starts.asymmetry()[solved].max()):.2f} %")


if __name__ == "__main__":
    main()
