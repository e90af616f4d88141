"""Which wrong answers are shown: those of the greatest probability first."""

import pytest
import torch

from zoo.figures.surest_mistakes import surest


@pytest.mark.parametrize(("most", "expected"), [(9, [3, 0, 4]), (2, [3, 0]), (0, [])])
def test_wrong_answers_come_surest_first_and_equal_ones_in_the_order_of_the_images(most, expected):
    chances = torch.tensor([[0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4]])
    labels = torch.tensor([0, 0, 1, 0, 1])
    assert surest(chances, labels, most).tolist() == expected
