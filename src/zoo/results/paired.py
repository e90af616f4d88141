"""Two classifiers on the same images: McNemar's test, and the interval of their difference. Standard library only."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from zoo.results.interval import CONFIDENCE


@dataclass(frozen=True)
class Paired:
    """How many images both, one alone, or neither got right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def n(self) -> int:
        """All images."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """The first's error minus the second's, in points."""
        return 100 * (self.only_second - self.only_first) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the difference, in points: Agresti and Min 2005, which adds half an image to each of the four counts.

        Narrower than that of errors on two sets of images, because what is hard for both is left out of it.
        """
        n, first, second = self.n + 2, self.only_first + 0.5, self.only_second + 0.5
        middle = (second - first) / n
        half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt((first + second) / n - middle**2) / math.sqrt(n)
        return 100 * max(middle - half, -1), 100 * min(middle + half, 1)

    @property
    def p(self) -> float:
        """McNemar's exact test, two-sided: the images that only one gets right fall to either by a fair coin."""
        discordant, fewer = self.only_first + self.only_second, min(self.only_first, self.only_second)
        term, below = 1, 0
        for k in range(fewer + 1):
            below += term
            term = term * (discordant - k) // (k + 1)
        # Whole numbers, of which only the ratio is rounded: a sum of floats would be 0 far out in the tail.
        return min(1.0, 2 * below / 2**discordant)
