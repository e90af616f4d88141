"""The target codes of LeNet-5's output units: digits drawn on 7x12 bitmaps, +1 for ink and -1 for paper.

Figure 3 of the 1998 paper shows the idea, stylised characters of which similar ones get similar codes. The bitmaps
here are drawn anew and differ from the paper's in single pixels.
"""

import torch
from torch import Tensor

DIGITS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  .....#.  .######  ..####.  #######  .#####.  .#####.
.##.##.  ..##...  ##...##  ##...##  ....##.  .#.....  .##..##  #....##  ##...##  ##...##
##...##  .###...  ......#  ......#  ...###.  .#.....  ##.....  .....##  ##...##  #.....#
##...##  ...#...  .....##  .....##  ..##.#.  ######.  ##.....  ....##.  .##.##.  #.....#
#.....#  ...#...  ....##.  ..####.  .##..#.  ##..##.  ######.  ....#..  ..###..  ##...##
#.....#  ...#...  ...##..  .....##  ##...#.  .....##  ##...##  ...##..  .##.##.  .######
##...##  ...#...  ..##...  ......#  #######  ......#  #.....#  ...##..  ##...##  .....##
##...##  ...#...  .##....  ......#  .....#.  ......#  #.....#  ..##...  #.....#  .....##
.##.##.  ...#...  ##.....  ##...##  .....#.  ##...##  ##...##  ..##...  ##...##  ##..##.
..###..  ..###..  #######  .#####.  .....#.  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def codes(num_classes: int) -> Tensor:
    """Codes of the first ``num_classes`` digits, at most ten: float32 (num_classes, 84), values +1 and -1."""
    rows = [line.split() for line in DIGITS.split("\n") if line]
    bitmaps = ["".join(row[digit] for row in rows) for digit in range(num_classes)]
    return torch.tensor([[1.0 if cell == "#" else -1.0 for cell in bitmap] for bitmap in bitmaps])
