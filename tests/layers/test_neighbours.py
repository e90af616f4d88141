"""Nearest neighbours against loops over every pair, against scikit-learn, and in chunks of any size."""

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

import zoo
from zoo.errors import InputError
from zoo.layers import Neighbours, PixelNeighbours, neighbours
from zoo.layers.pixels import FAR, block_sums, manhattan, squared_distances

NUM_CLASSES = 5


def some_images(n: int, levels: int = 256, shape: tuple[int, ...] = (2, 6, 6), seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, levels, (n, *shape), generator=generator, dtype=torch.uint8)


def some_labels(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, NUM_CLASSES, (n,), generator=torch.Generator().manual_seed(seed))


def expected_logits(queries, examples, labels, k, metric):
    """By the definition, in Python's whole numbers."""
    rows = []
    for query in queries.flatten(1).tolist():
        gaps = [[abs(a - b) for a, b in zip(query, example, strict=True)] for example in examples.flatten(1).tolist()]
        distances = [sum(gap if metric == "l1" else gap**2 for gap in row) for row in gaps]
        ranking = sorted(zip(distances, labels.tolist(), strict=True))
        chosen = [label for _, label in ranking[:k]]
        classes = list(dict.fromkeys(label for _, label in ranking))
        classes += [c for c in range(NUM_CLASSES) if c not in classes]
        rows.append([chosen.count(c) or 1 - (classes.index(c) + 1) / (NUM_CLASSES + 1) for c in range(NUM_CLASSES)])
    return torch.tensor(rows, dtype=torch.float32)


def layer_of(examples, labels, k, metric):
    layer = PixelNeighbours(len(examples), tuple(examples.shape[1:]), NUM_CLASSES, k, metric)
    layer.store(examples, labels)
    return layer


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("k", [1, 2, 5, 40])
@pytest.mark.parametrize("levels", [256, 2])  # of two grey levels most distances are shared by many
def test_votes_are_those_of_a_loop_over_all_pairs_ties_and_all(metric, k, levels):
    shape = (1, 3, 3) if levels == 2 else (2, 6, 6)
    examples, labels, queries = some_images(40, levels, shape), some_labels(40), some_images(12, levels, shape, seed=1)
    found = layer_of(examples, labels, k, metric)(queries.float())
    torch.testing.assert_close(found, expected_logits(queries, examples, labels, k, metric))


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_a_class_without_examples_comes_last(metric):
    examples, queries = some_images(9), some_images(4, seed=1)
    labels = torch.tensor([1, 3] * 4 + [1])
    found = layer_of(examples, labels, 2, metric)(queries.float())
    torch.testing.assert_close(found, expected_logits(queries, examples, labels, 2, metric))
    assert (found[:, [0, 2, 4]] < found[:, [1, 3]].amin(dim=1, keepdim=True)).all()


@pytest.mark.parametrize(("metric", "name"), [("l1", "manhattan"), ("l2", "euclidean")])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_predictions_are_scikit_learns(metric, name, k):
    data = zoo.data.Digits(transform="raw")
    data.setup()
    train, test = data.splits["train"], data.splits["test"]
    layer = PixelNeighbours(len(train), (1, 8, 8), 10, k, metric)
    layer.store(train.images, train.labels)
    theirs = KNeighborsClassifier(k, metric=name, algorithm="brute").fit(
        train.images.flatten(1).double().numpy(), train.labels.numpy()
    )
    queries = test.images.flatten(1).double().numpy()
    distances = torch.from_numpy(theirs.kneighbors(queries, k + 1)[0])
    # Which of several examples at the k-th distance votes, scikit-learn leaves open.
    clear = distances[:, k - 1] < distances[:, k]
    assert clear.sum() > 330
    predicted = torch.from_numpy(theirs.predict(queries))
    assert torch.equal(layer(test.images.float()).argmax(dim=1)[clear], predicted[clear])


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_chunks_of_any_size_give_the_same_logits(metric, monkeypatch):
    examples, labels, queries = some_images(50), some_labels(50), some_images(11, seed=1).float()
    layer = layer_of(examples, labels, 3, metric)
    whole = layer(queries)
    for sizes in ((1, 1), (4, 7), (11, 50)):
        monkeypatch.setattr(neighbours, "QUERIES", sizes[0])
        monkeypatch.setattr(neighbours, "ROWS", sizes[1])
        assert torch.equal(layer(queries), whole)
    assert layer(queries[:0]).shape == (0, NUM_CLASSES)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_the_order_of_the_examples_changes_nothing(metric):
    examples, labels, queries = some_images(60, 2, (1, 3, 3)), some_labels(60), some_images(20, 2, (1, 3, 3), seed=1)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    first = layer_of(examples, labels, 4, metric)(queries.float())
    assert torch.equal(layer_of(examples[order], labels[order], 4, metric)(queries.float()), first)


def test_squared_distances_are_exact_where_float32_is_not():
    # The largest distance of CIFAR-10's images, 3,072 * 255^2, and others beyond 2^24.
    ends = torch.tensor([[0], [255]], dtype=torch.uint8).expand(2, 3072)
    assert squared_distances(ends, ends).tolist() == [[0, 199_756_800], [199_756_800, 0]]
    a, b = some_images(5, shape=(3072,)), some_images(7, shape=(3072,), seed=1)
    exact = (a.long()[:, None] - b.long()).square().sum(dim=2)
    assert torch.equal(squared_distances(a, b), exact)
    assert exact.min() > 2**24


def test_manhattan_distances_are_exact_or_rightly_left_out():
    # Images that differ in brightness, so that sums over blocks rule many out.
    levels = torch.arange(240, dtype=torch.uint8).view(-1, 1, 1, 1)
    examples = (some_images(240, 16, (3, 9, 9)) + levels // 2).contiguous()
    labels = some_labels(240).sort().values
    queries = examples[::40] + 3
    per_class = labels.bincount(minlength=NUM_CLASSES).tolist()
    found = manhattan(queries, examples, block_sums(examples), per_class, 3)
    exact = (queries.long()[:, None] - examples.long()).abs().sum(dim=(2, 3, 4))
    measured = found != FAR
    assert torch.equal(found[measured], exact[measured])
    assert 0.1 < measured.float().mean() < 0.6
    # What was left out is neither among the three nearest nor the nearest of its class.
    assert (exact[~measured] > exact.topk(3, largest=False).values[:, -1:].expand_as(exact)[~measured]).all()
    for c in range(NUM_CLASSES):
        assert torch.equal(found[:, labels == c].amin(dim=1), exact[:, labels == c].amin(dim=1))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 10), (1, 2, 2)])
def test_sums_over_blocks_never_say_more_than_the_distance(shape):
    a, b = some_images(20, shape=shape), some_images(20, shape=shape, seed=1)
    bounds = (block_sums(a) - block_sums(b)).abs().sum(dim=1)
    assert (bounds <= (a.long() - b.long()).abs().sum(dim=(1, 2, 3))).all()
    side = min(4, *shape[1:])
    assert block_sums(a)[0, 0] == a[0, 0, :side, :side].long().sum()


def test_features_are_compared_by_euclid_in_float64():
    generator = torch.Generator().manual_seed(0)
    examples, queries = (torch.randn(n, 7, generator=generator, dtype=torch.float64) for n in (50, 20))
    labels = some_labels(50)
    layer = Neighbours(50, (7,), NUM_CLASSES, 3, torch.float64)
    layer.store(examples, labels)
    order = labels.argsort(stable=True)
    exact = (queries[:, None] - examples[order]).square().sum(dim=2)
    torch.testing.assert_close(layer.distances()(queries), exact, rtol=1e-10, atol=1e-10)
    theirs = KNeighborsClassifier(3).fit(examples.numpy(), labels.numpy())
    assert layer(queries).argmax(dim=1).tolist() == theirs.predict(queries.numpy()).tolist()


@pytest.mark.parametrize(
    "pixels", [torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), 256.0)]
)
def test_what_is_no_pixel_is_refused_with_the_way_out(pixels):
    network = zoo.get_model("nearest_neighbour", num_images=2, input_size=4)
    with pytest.raises(InputError, match=r"data.transform to raw\.$"):
        network(pixels)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must lie between 1 and the 4 stored examples, not be 0"),
        ({"k": 5}, "k must lie between 1 and the 4 stored examples, not be 5"),
        ({"metric": "l3"}, "no metric 'l3'; there is l1, l2"),
        ({"num_images": 0}, "num_images must be at least 1"),
        ({"variant": "modern"}, "'modern'.*paper"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        zoo.get_model("nearest_neighbour", **({"num_images": 4, "input_size": 4} | options))
