"""Error counts against scikit-learn, and in the corners where libraries differ."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score
from torchmetrics import MetricCollection

from zoo.evaluation import metrics
from zoo.evaluation.metrics import ErrorCounts, label_ranks


def counted(logits, labels, losses=None) -> dict:
    counts = ErrorCounts()
    labels = torch.as_tensor(labels)
    counts.update(torch.as_tensor(logits), labels, torch.zeros(len(labels)) if losses is None else losses)
    return counts.compute()


@pytest.mark.parametrize("classes", [6, 10, 100])
def test_errors_equal_those_of_scikit_learn(classes):
    random = np.random.default_rng(0)
    labels = random.integers(classes, size=500)
    # Shuffled whole numbers hold no ties, the one case in which the two differ.
    logits = random.permuted(np.tile(np.arange(classes), (500, 1)), axis=1).astype(np.float32)
    result = counted(logits, labels)
    for k in (1, 5):
        right = top_k_accuracy_score(labels, logits, k=k, normalize=False, labels=np.arange(classes))
        assert 0 < right < 500
        assert result[f"top{k}_wrong"] == 500 - right
        assert result[f"top{k}_error"] == pytest.approx(100 * (500 - right) / 500)
    assert result["n"] == 500


def test_equal_logits_rank_by_class_number_as_argmax_has_it():
    logits = torch.randint(0, 3, (400, 10), generator=torch.Generator().manual_seed(0)).float()
    labels = torch.arange(400) % 10
    wrong = logits.numpy().argmax(axis=1) != labels.numpy()
    assert 0 < wrong.sum() < 400
    assert counted(logits, labels)["top1_wrong"] == wrong.sum()
    order = np.argsort(-logits.numpy(), axis=1, kind="stable")
    assert label_ranks(logits, labels).tolist() == np.argwhere(order == labels.numpy()[:, None])[:, 1].tolist()


def test_a_network_that_gives_one_number_to_all_classes_is_not_right():
    result = counted(torch.zeros(10, 10), torch.arange(10))
    assert (result["top1_wrong"], result["top5_wrong"]) == (9, 5)


@pytest.mark.parametrize("classes", [3, 10])
@pytest.mark.parametrize("where", [0, 1])
def test_an_image_whose_logits_hold_nan_is_wrong_whatever_its_label(classes, where):
    logits = torch.zeros(1, classes)
    logits[0, 0], logits[0, where] = 1.0, math.nan
    result = counted(logits, [0])
    assert (result["top1_wrong"], result["top5_wrong"]) == (1, 1)


def test_infinite_logits_are_ranked_like_others():
    logits = torch.tensor([[-math.inf, math.inf, 0.0], [math.inf, math.inf, 0.0]])
    assert label_ranks(logits, torch.tensor([0, 1])).tolist() == [2, 1]


def test_fewer_than_five_classes_are_never_wrong_in_top5():
    result = counted(torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), [2, 2])
    assert (result["top1_wrong"], result["top5_wrong"], result["top1_error"]) == (1, 0, 50.0)


def test_exactly_the_fifth_place_is_right_and_the_sixth_wrong():
    logits = torch.arange(10.0, 0.0, -1.0).expand(2, 10)
    assert counted(logits, [4, 5])["top5_wrong"] == 1


# How a batch is added.
ADDING = pytest.mark.parametrize("add", ["update", "later"])


@ADDING
def test_batches_of_any_size_add_up_to_the_same_counts(add):
    generator = torch.Generator().manual_seed(0)
    logits, labels = (torch.randn(100, 8, generator=generator), torch.randint(0, 8, (100,), generator=generator))
    losses = torch.arange(100.0)
    counts = ErrorCounts()
    # An empty share happens where processes outnumber the images of the last step.
    for part in torch.arange(100).split([1, 0, 64, 35]):
        getattr(counts, add)(logits[part], labels[part], losses[part])
    assert counts.compute() == counted(logits, labels, losses)
    assert counts.compute()["loss"] == 49.5


@ADDING
def test_network_loss_and_loader_may_write_the_next_batch_into_the_same_memory(add):
    counts, logits, labels = ErrorCounts(), torch.empty(2, 3), torch.empty(2, dtype=torch.int64)
    losses = torch.empty(2)
    # The label is the argmax in the first batch, and in neither image of the second.
    for of_batch in ([0, 0], [1, 2]):
        logits.copy_(torch.tensor([[2.0, 1.0, 0.0]]).expand(2, 3))
        labels.copy_(torch.tensor(of_batch))
        losses.fill_(1 + of_batch[0])
        getattr(counts, add)(logits, labels, losses)
        logits.zero_()
        losses.zero_()
    result = counts.compute()
    assert (result["top1_wrong"], result["loss"]) == (2, 1.5)


@pytest.mark.parametrize("classes", [10, 1000])
def test_batches_of_any_type_and_number_of_classes_are_counted_however_many_wait(classes):
    """3,000 images are more than wait at a time, and of 1,000 classes those of a batch are."""
    generator, counts, right = torch.Generator().manual_seed(0), ErrorCounts(), 0
    for number in range(30):
        outputs = classes + number // 20
        labels = torch.randint(0, outputs, (100,), generator=generator)
        logits = torch.randn(100, outputs, generator=generator)
        logits[:60] = torch.eye(outputs)[labels[:60]] * 9
        logits = logits.to(torch.bfloat16 if number // 10 == 1 else torch.float32)
        right += int((logits.float().numpy().argmax(axis=1) == labels.numpy()).sum())
        counts.later(logits, labels, torch.zeros(100))
    counts.settle()
    assert (int(counts.num_images), int(counts.top1_wrong)) == (3000, 3000 - right)
    assert counts.compute()["top1_wrong"] == 3000 - right


def test_losses_are_added_batch_by_batch_whether_they_wait_or_not():
    """The order shows in the last digits of the sum, which a resumed run has to have too."""
    generator, counts, others = torch.Generator().manual_seed(2), ErrorCounts(), ErrorCounts()
    for number in range(9):
        batch = torch.eye(4), torch.arange(4), torch.rand(4, generator=generator) ** 9
        counts.update(*batch)
        (others.update if number == 5 else others.later)(*batch)
    assert int(others.num_images) == 24
    others.settle()
    assert int(others.num_images) == 36
    assert torch.equal(counts.loss_sum, others.loss_sum)


def test_an_expanded_loss_is_added_as_its_copy_is():
    counts, others = ErrorCounts(), ErrorCounts()
    batch = torch.eye(999)[:, :5], torch.zeros(999, dtype=torch.int64), torch.tensor(0.1, dtype=torch.float64)
    for _ in range(5):
        counts.update(*batch[:2], batch[2].expand(999))
        others.later(*batch[:2], batch[2].expand(999))
    others.settle()
    assert torch.equal(counts.loss_sum, others.loss_sum)


def test_an_interrupted_settling_counts_nothing_twice(monkeypatch):
    counts = ErrorCounts()
    for _ in range(3):
        counts.later(torch.eye(5), torch.arange(5), torch.ones(5))
    with monkeypatch.context() as patched:
        patched.setattr(metrics, "_widest", interrupted)
        with pytest.raises(KeyboardInterrupt):
            counts.settle()
    assert counts.compute()["n"] == 15


def interrupted(losses):
    raise KeyboardInterrupt


def test_forward_and_merging_leave_out_nothing_that_waits():
    batch = torch.eye(5), torch.arange(5), torch.ones(5)
    counts, others = ErrorCounts(), ErrorCounts()
    counts.later(*batch)
    assert counts(*batch)["n"] == 5
    counts.later(*batch)
    others.later(*batch)
    counts.merge_state(others)
    assert counts.compute()["n"] == 20


def in_a_collection(batches):
    # Of equal metrics torchmetrics updates one, and lends the others its states.
    metrics = MetricCollection({"one": ErrorCounts(), "other": ErrorCounts()})
    for batch in batches:
        metrics.update(*batch)
    return metrics.compute()["other_top1_wrong"]


def by_forward(batches):
    counts = ErrorCounts()
    counts.update(*batches[0])
    for batch in batches[1:]:
        counts(*batch)
    return counts.compute()["top1_wrong"]


def merged(batches):
    counts, others = ErrorCounts(), ErrorCounts()
    counts.update(*batches[0])
    for batch in batches[1:]:
        others.update(*batch)
    counts.merge_state(others)
    return counts.compute()["top1_wrong"]


def reloaded(batches):
    counts, others = ErrorCounts(), ErrorCounts()
    for one in (counts, others):
        one.persistent(True)
    for batch in batches[1:]:
        counts.update(*batch)
    others.load_state_dict(counts.state_dict())
    others.update(*batches[0])
    return others.compute()["top1_wrong"]


@pytest.mark.parametrize("counted_by", [in_a_collection, by_forward, merged, reloaded])
def test_however_torchmetrics_keeps_its_states_they_are_those_of_all_batches(counted_by):
    generator = torch.Generator().manual_seed(1)
    logits, labels = (torch.randn(4, 8, 10, generator=generator), torch.randint(0, 10, (4, 8), generator=generator))
    wrong = (logits.numpy().argmax(axis=2) != labels.numpy()).sum()
    assert counted_by([(some, right, torch.ones(8)) for some, right in zip(logits, labels, strict=True)]) == wrong


@ADDING
def test_a_batch_that_cannot_be_is_refused_and_no_number_comes_of_it(add):
    counts, logits = ErrorCounts(), torch.zeros(2, 3)
    with pytest.raises(ValueError, match="3 labels for the logits of 2 images"):
        getattr(counts, add)(logits, torch.zeros(3, dtype=torch.int64), torch.zeros(3))
    getattr(counts, add)(logits, torch.tensor([1, 2]), torch.zeros(2))
    bad = logits, torch.tensor([0, 3]), torch.zeros(2)
    if add == "later":
        counts.later(*bad)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="out of bounds"):
                counts.compute()
    else:
        with pytest.raises(RuntimeError, match="out of bounds"):
            counts.update(*bad)
        assert counts.compute()["top1_wrong"] == 2


def test_reset_forgets_and_counts_are_plain_integers():
    counts = ErrorCounts()
    counts.later(torch.eye(6), torch.zeros(6, dtype=torch.int64), torch.ones(6))
    counts.reset()
    counts.later(torch.eye(6)[:2], torch.tensor([0, 0]), torch.tensor([0.5, 1.0]))
    result = counts.compute()
    assert result == {
        "n": 2, "top1_wrong": 1, "top5_wrong": 0, "top1_error": 50.0, "top5_error": 0.0, "loss": 0.75,
    }  # fmt: skip
    assert [type(result[key]) for key in ("n", "top1_wrong", "top5_wrong")] == [int] * 3


def test_half_precision_logits_are_counted_too():
    logits = torch.tensor([[1.0, 2.0], [2.0, 1.0]], dtype=torch.bfloat16)
    assert counted(logits, [1, 1])["top1_wrong"] == 1
