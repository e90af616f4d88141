"""What lies near what: counted by hand on a few points, and on real images better and better up the ladder."""

import os

import numpy as np
import pytest
import torch

from zoo.figures.embedding import embed, knn_accuracy
from zoo.figures.neighbours import nearest, precision
from zoo.figures.subjects import described

ROOT = os.environ.get("ZOO_TEST_DATA")
needs_data = pytest.mark.skipif(ROOT is None, reason="needs the real data: set ZOO_TEST_DATA to their folder")


def test_neighbours_and_their_classes_are_those_of_a_loop():
    generator = torch.Generator().manual_seed(0)
    features, labels = torch.randn(40, 3, generator=generator), torch.randint(4, (40,), generator=generator)
    points, same, voted = features.double().numpy(), [], []
    for n, point in enumerate(points):
        order = [int(m) for m in np.argsort(((points - point) ** 2).sum(axis=1), kind="stable") if m != n]
        assert nearest(features, 7)[n].tolist() == order[:7]
        same.append(np.mean([labels[m] == labels[n] for m in order[:7]]))
        votes = np.bincount([int(labels[m]) for m in order[:5]])
        voted.append(votes.argmax() == labels[n])
    assert precision(features, labels, 7) == pytest.approx(100 * np.mean(same))
    assert knn_accuracy(points, labels.numpy(), 5) == pytest.approx(100 * np.mean(voted))


def test_an_image_is_not_its_own_neighbour_even_where_another_is_equal_to_it():
    features = torch.tensor([[1.0, 1.0], [1.0, 1.0], [5.0, 5.0]])
    assert nearest(features, 1)[:, 0].tolist() == [1, 0, 0]


@pytest.mark.slow
@needs_data
def test_what_is_retrieved_is_more_often_of_the_same_class_the_better_the_network():
    names = [
        "pixels", "linear/cifar10", "lenet5/cifar10", "cuda_convnet-11pct/cifar10-modern", "vgg16-bn/cifar10",
    ]  # fmt: skip
    given, found, _ = described(names, 300, 0, ROOT, False)
    scores = [precision(one.features, given.labels) for one in found]
    assert scores == sorted(scores)
    assert scores[-1] > 75
    assert scores[0] < 30


@pytest.mark.slow
@needs_data
def test_tsne_parts_the_digits_better_by_lenet5_than_by_pixels():
    given, found, _ = described(["pixels", "lenet5/mnist"], 500, 0, ROOT, False)
    by_pixels, by_network = (knn_accuracy(embed(one.features), given.labels.numpy()) for one in found)
    assert by_network > 97
    assert by_pixels < by_network - 5
