"""Classes, confusions and calibration against scikit-learn, torchmetrics and loops."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from zoo.evaluation.calibration import BINS, Calibration
from zoo.evaluation.classes import ClassCounts, near_ties
from zoo.evaluation.collectors import Measures

N, CLASSES = 700, 7


@pytest.fixture(scope="module")
def outputs():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(N, CLASSES, generator=generator)
    # Class 6 has no images; of the others, two thirds are what the network says.
    labels = torch.where(
        torch.rand(N, generator=generator) < 0.6,
        logits[:, :6].argmax(dim=1),
        torch.randint(6, (N,), generator=generator),
    )
    return logits, labels


def fed(collector, logits, labels):
    for part in torch.arange(len(labels)).split([1, 255, len(labels) - 256]):
        collector.update(part, logits[part], labels[part])
    return collector.result()


def test_the_confusion_matrix_is_that_of_scikit_learn(outputs):
    logits, labels = outputs
    result = fed(ClassCounts(CLASSES), logits, labels)
    expected = confusion_matrix(labels, logits.argmax(dim=1), labels=range(CLASSES))
    assert result["confusion"] == expected.tolist()
    assert result["per_class"]["images"] == expected.sum(axis=1).tolist()
    assert result["per_class"]["top1_wrong"] == (expected.sum(axis=1) - expected.diagonal()).tolist()


def test_top5_mistakes_a_class_are_those_of_a_loop(outputs):
    logits, labels = outputs
    wrong = [0] * CLASSES
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        best = sorted(range(CLASSES), key=lambda k: (-row[k], k))[:5]
        wrong[label] += label not in best
    assert sum(wrong) > 0
    assert fed(ClassCounts(CLASSES), logits, labels)["per_class"]["top5_wrong"] == wrong


def test_the_calibration_error_is_that_of_torchmetrics(outputs):
    logits, labels = outputs
    result = fed(Calibration(), logits.double(), labels)
    expected = multiclass_calibration_error(logits.double(), labels, CLASSES, n_bins=BINS, norm="l1")
    assert result["ece"] == pytest.approx(float(expected), rel=1e-6)
    assert result["nll"] == pytest.approx(
        log_loss(labels, logits.double().softmax(dim=1).numpy(), labels=range(CLASSES)), rel=1e-12
    )


def test_the_reliability_data_are_those_of_a_loop(outputs):
    logits, labels = outputs
    members = [[] for _ in range(BINS)]
    for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True):
        greatest = max(row)
        confidence = 1 / math.fsum(math.exp(value - greatest) for value in row)
        number = next(b for b in range(BINS) if confidence <= (b + 1) / BINS)
        members[number].append((confidence, row.index(greatest) == label))
    result = fed(Calibration(), logits, labels)
    assert result["images"] == [len(found) for found in members]
    assert result["right"] == [sum(right for _, right in found) for found in members]
    gap = 0.0
    for number, found in enumerate(members):
        if not found:
            assert result["mean_confidence"][number] is result["accuracy"][number] is None
            continue
        confidence, right = (math.fsum(values) / len(found) for values in zip(*found, strict=True))
        assert result["mean_confidence"][number] == pytest.approx(confidence, rel=1e-12)
        assert result["accuracy"][number] == pytest.approx(right, rel=1e-12)
        gap += len(found) / N * abs(right - confidence)
    assert result["ece"] == pytest.approx(gap, rel=1e-12)
    assert None in result["accuracy"]


@pytest.mark.parametrize(("odds", "number"), [(1, 4), (2, 9), (4, 11), (14, 13), (15, 14)])
def test_a_confidence_on_an_edge_belongs_to_the_bin_below(odds, number):
    """Of two or three classes: 1/3, 2/3, 4/5, 14/15 are edges, 15/16 is not."""
    others = [1.0, 1.0] if odds == 1 else [1.0]
    logits = torch.tensor([[float(odds), *others]], dtype=torch.float64).log()
    confidence = odds / (odds + len(others))
    lower, upper = number / BINS, (number + 1) / BINS
    assert lower - 1e-12 < confidence <= upper + 1e-12
    result = fed_once(Calibration(), logits, torch.tensor([0]))
    # Rounding may put what is meant to lie on an edge just above it.
    assert result["images"][number] == 1 or result["mean_confidence"][number + 1] == pytest.approx(upper, rel=1e-15)


def fed_once(collector, logits, labels):
    collector.update(torch.arange(len(labels)), logits, labels)
    return collector.result()


def test_certainty_lies_in_the_last_bin_and_a_certain_mistake_has_no_likelihood():
    logits = torch.tensor([[0.0, -math.inf], [0.0, -math.inf]])
    result = fed_once(Calibration(), logits, torch.tensor([0, 1]))
    assert result["images"][-1] == 2
    assert (result["ece"], result["nll"]) == (0.5, None)


def test_outputs_that_are_nan_leave_counts_but_neither_matrix_nor_calibration():
    logits = torch.tensor([[math.nan, 0.0], [1.0, 0.0]])
    measures = Measures(2, 2)
    measures.update(torch.tensor([0, 1]), logits, torch.tensor([0, 0]))
    result = measures.result()
    assert result["per_class"] == {"images": [2, 0], "top1_wrong": [1, 0], "top5_wrong": [1, 0]}
    assert result["confusion"] is result["calibration"] is None


def test_the_matrix_of_many_classes_is_left_out():
    assert fed_once(ClassCounts(100), torch.eye(100), torch.arange(100))["confusion"] == np.eye(100, dtype=int).tolist()
    assert fed_once(ClassCounts(101), torch.eye(101), torch.arange(101))["confusion"] is None


def test_log_probabilities_measure_as_their_logits_do(outputs):
    logits, labels = outputs
    exact = logits.double()
    first, second = (fed(Calibration(), values, labels) for values in (exact, exact.log_softmax(dim=1)))
    assert first["images"] == second["images"]
    assert first["ece"] == pytest.approx(second["ece"], rel=1e-12)


def test_near_ties_are_counted_relative_to_the_size_of_the_logits():
    logits = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0 + 2e-6, 0.0], [1.0, 1.1, 0.0], [1e4, 1e4 + 0.05, 0.0]])
    assert near_ties(logits) == 3
    assert near_ties(torch.zeros(3, 1)) == 0
