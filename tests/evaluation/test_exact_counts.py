"""Each image of the test once: the same integers however it is divided, a sentence where an image is not counted."""

import json
import warnings

import numpy as np
import preloaded
import pytest
import torch
from conftest import ROOT, arrays_in
from exact_counts_case import CLASSES, NUM, Generated, made_model
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset

from zoo.errors import InputError
from zoo.evaluation.exact import ScoredImages, indices_of
from zoo.evaluation.predictions import Predicting, Predictions
from zoo.evaluation.recorder import Recorder
from zoo.results.record import Record

SIZES, PROCESSES = (1, 64, 1000), (1, 2, 3)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """2,003 images scored with 1, 2 and 3 processes and batches of 1, 64 and 1,000."""
    folder = tmp_path_factory.mktemp("scored")
    preloaded.run(ROOT / "tests" / "exact_counts_case.py", folder)
    return folder


@pytest.fixture(scope="module")
def by_hand():
    """The logits of all images in exact integers, and their labels."""
    data = Generated(1)
    images, labels = data.read()["test"]
    weights = (made_model().network.fc.weight * 256).long()
    return (images.flatten(1).long() @ weights.T).numpy(), labels.numpy()


def floats_and_integers(metrics):
    calibration = dict(metrics["calibration"])
    floats = {name: calibration.pop(name) for name in ("nll", "ece", "mean_confidence", "accuracy")}
    integers = {name: metrics[name] for name in ("top1_wrong", "top5_wrong", "per_class", "confusion", "near_ties")}
    return floats | {"loss": metrics["loss"]}, integers | calibration


def test_any_number_of_processes_and_batch_size_give_the_same_integers(scored):
    names = [f"bare-{processes}-{size}" for processes in PROCESSES for size in SIZES]
    names += ["trainer-1-1000", "trainer-2-64", "trainer-3-1000"]
    contents = [json.loads((scored / f"{name}.json").read_text()) for name in names]
    assert [content["n"] for content in contents] == [NUM] * len(names)
    found = [floats_and_integers(content.get("metrics", content)) for content in contents]
    for floats, integers in found[1:]:
        assert integers == found[0][1]
        for name, value in floats.items():
            expected = found[0][0][name]
            assert np.array(value, float) == pytest.approx(np.array(expected, float), rel=1e-12, nan_ok=True), name


def test_the_integers_are_those_of_a_count_by_hand(scored, by_hand):
    logits, labels = by_hand
    record = Record.read(scored / "trainer-3-1000.json")
    order = np.argsort(-logits, axis=1, kind="stable")
    assert record.metrics["top1_wrong"] == (order[:, 0] != labels).sum()
    assert record.metrics["top5_wrong"] == (order[:, :5] != labels[:, None]).all(axis=1).sum()
    confusion = np.zeros((CLASSES, CLASSES), int)
    for label, first in zip(labels, order[:, 0], strict=True):
        confusion[label, first] += 1
    assert record.metrics["confusion"] == confusion.tolist()
    assert 0 < record.metrics["top1_wrong"] < NUM


def test_the_predictions_do_not_depend_on_the_processes_and_hold_each_image_once(scored, by_hand):
    files = [arrays_in(scored / f"trainer-{name}.npz") for name in ("1-1000", "2-64", "3-1000")]
    logits, labels = by_hand
    for file in files:
        assert file["index"].tolist() == list(range(NUM))
        assert (file["label"] == labels).all()
        assert (file["top_classes"] == np.argsort(-logits, axis=1, kind="stable")[:, :5]).all()
        np.testing.assert_allclose(file["probabilities"], files[0]["probabilities"], rtol=1e-6)


class Halting(Dataset):
    """A user's data set in which image 7 is broken: left out of its batch, as a collate function would."""

    def __init__(self, split):
        self.split = split

    def __len__(self):
        return len(self.split)

    def __getitem__(self, index):
        images, labels = self.split[type("Draw", (), {"indices": torch.tensor([index]), "epoch": 0})]
        return None if index == 7 else (images[0], labels[0])


def whole(split):
    images, labels = split[type("Draw", (), {"indices": torch.arange(len(split)), "epoch": 0})]
    return TensorDataset(images, labels)


def leaving_out(batch):
    return torch.utils.data.default_collate([item for item in batch if item is not None])


def given(order, batch_size=10):
    return lambda split: DataLoader(whole(split), batch_size=batch_size, sampler=order(len(split)))


LOADERS = {
    "drop_last": (
        lambda split: DataLoader(whole(split), batch_size=8, drop_last=True),
        "Of 50 test images, 2 were not scored (first: index 48)",
    ),
    "doubled": (given(lambda n: [*range(n), 3]), "1 was scored more than once (first: index 3)"),
    "missing": (given(lambda n: [k for k in range(n) if k != 5]), "1 was not scored (first: index 5)"),
    "doubled and missing": (
        given(lambda n: [4 if k == 5 else k for k in range(n)]),
        "1 was not scored (first: index 5); 1 was scored more than once (first: index 4)",
    ),
    "broken and skipped": (
        lambda split: DataLoader(Halting(split), batch_size=10, collate_fn=leaving_out),
        "in step 1, 9 images came where 10 were asked for",
    ),
    "random": (lambda split: DataLoader(whole(split), batch_size=10, shuffle=True), "shuffle=False"),
    "more images": (
        lambda split: DataLoader(TensorDataset(*(torch.cat([t, t]) for t in whole(split).tensors)), batch_size=10),
        "but the split has 50",
    ),
}


def scored_by(folder, loader=None, **options):
    data, recorder = (
        Generated(10, num=50),
        Recorder(folder / "record.json", {"data": {}, "model": {}, "trainer": options}),
    )
    data.setup()
    if loader:
        data.test_dataloader = lambda: loader(data.splits["test"])
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False, callbacks=[recorder], **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.test(made_model(), data, verbose=False)


@pytest.mark.parametrize("fault", LOADERS)
def test_an_image_left_out_or_doubled_fails_with_a_sentence_and_leaves_no_number(fault, tmp_path):
    loader, sentence = LOADERS[fault]
    with pytest.raises(InputError) as raised:
        scored_by(tmp_path, loader)
    assert sentence in str(raised.value)
    assert str(raised.value).count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_users_own_loader_that_gives_each_image_once_is_counted(tmp_path):
    scored_by(tmp_path, lambda split: DataLoader(whole(split), batch_size=7))
    scored_by(tmp_path / "own")
    first, second = (Record.read(tmp_path / name) for name in ("record.json", "own/record.json"))
    assert first.metrics == second.metrics
    assert first.n == 50


def test_predictions_from_a_users_own_loader_keep_their_indices(tmp_path):
    data, model = Generated(10, num=50), made_model()
    data.setup()
    data.predict_dataloader = lambda: DataLoader(whole(data.splits["test"]), batch_size=7)
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False, callbacks=[Predicting(Predictions(tmp_path / "p.npz"))],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.predict(model, data, return_predictions=False)
    images, labels = whole(data.splits["test"]).tensors
    found = arrays_in(tmp_path / "p.npz")
    assert found["label"].tolist() == labels.tolist()
    assert (found["top_classes"][:, 0] == model.network(images).argmax(dim=1).numpy()).all()


def test_a_limited_test_may_leave_images_out_but_not_double_them(tmp_path):
    scored_by(tmp_path, limit_test_batches=2)
    assert Record.read(tmp_path / "record.json").n == 20
    with pytest.raises(InputError, match="more than once"):
        scored_by(tmp_path / "doubled", given(lambda n: [0, *range(n)]), limit_test_batches=2)


@pytest.mark.parametrize("drop_last", [False, True])
def test_what_a_distributed_sampler_pads_or_drops_is_found_out(drop_last):
    data, seen = TensorDataset(torch.arange(50)), ScoredImages(50)
    for rank in range(3):
        sampler = DistributedSampler(data, 3, rank, shuffle=False, drop_last=drop_last)
        for indices in indices_of(DataLoader(data, batch_size=8, sampler=sampler)):
            seen.update(indices, len(indices))
    # 50 images make 51 places for three processes, or 48.
    with pytest.raises(
        InputError, match="2 were not scored" if drop_last else r"1 was scored more than once .*index 0"
    ):
        seen.check()


def test_a_stream_cannot_say_that_each_image_was_scored_once():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(InputError, match="stream"):
        indices_of(DataLoader(Stream()))
    with pytest.raises(InputError, match="one torch DataLoader"):
        indices_of([1, 2])
    with pytest.raises(InputError, match="only once"):
        indices_of(DataLoader([1, 2], sampler=iter([0, 1])))


def test_a_total_that_is_right_by_chance_is_found_out():
    seen = ScoredImages(4)
    seen.update(torch.tensor([0, 1]), 2)
    seen.update(torch.tensor([1, 3]), 2)
    with pytest.raises(InputError, match=r"Of 4 test images, 1 was not scored \(first: index 2\); 1 was scored more"):
        seen.check()


def test_complete_counts_pass_in_any_order():
    seen = ScoredImages(5)
    for part in ([4, 0], [], [2, 1], [3]):
        seen.update(torch.tensor(part, dtype=torch.int64), len(part))
    seen.check()
