"""Records made up for tests of verdicts and tables."""

import json
from dataclasses import replace

from zoo.report.tables import document
from zoo.results.record import Record

FINGERPRINTS = {
    "mnist": "sha256:3ee7f568b8fdc8915ba79f8c2e5cfce6e08e6def379bae044b8ec31ae87c0afb",
    "cifar10": "sha256:544cbd86fdf2e6fa2cebd03d568d02a0f9e83381e920c6d5ae1f14cfa3d7981a",
    "imagenet": f"listing-sha256:{'a' * 64}",
}


def make_record(
    network="lenet5", variant="paper", dataset="mnist", wrong=95, wrong5=None, n=10_000, num_images=None, seed=0,
    protocol="single view", transform="lenet5", sha=None, classes=10, **fields,
):  # fmt: skip
    """A Record of ``wrong`` images among ``n``, complete enough to be read again."""
    wrong5 = wrong // 10 if wrong5 is None else wrong5
    images = n if num_images is None else num_images
    record = Record(
        network=network, variant=variant, parameters=60_000,
        dataset={
            "name": dataset, "fingerprint": FINGERPRINTS[dataset], "split": "test", "num_images": images,
            "num_classes": classes,
        },
        protocol=protocol, n=n,
        metrics={
            "top1_error": 100 * wrong / n, "top5_error": 100 * wrong5 / n, "top1_wrong": wrong, "top5_wrong": wrong5,
            "loss": 0.5,
        },
        seed=seed,
        timing={"train_seconds": 10.0, "train_images": 60_000, "train_epochs": 1, "test_seconds": 1.0},
        weights={"sha256": ((sha or f"{seed:x}") * 64)[:64]},
        config={
            "data": {"init_args": {"transform": transform, "seed": seed, "root": f"data{seed}"}},
            "model": {"init_args": {"variant": variant}},
            "trainer": {"max_epochs": 1, "devices": seed + 1} | ({"limit_test_batches": 1} if n < images else {}),
            "seed_everything": seed,
        },
        git={"commit": "0" * 40, "dirty": False},
        environment={"python": "3.11", "platform": "Linux", "device": "cpu", "packages": {}},
        created=f"2026-01-31T12:00:{seed:02}+00:00",
    )  # fmt: skip
    return replace(record, **fields)


def write_records(folder, records):
    """Writes them, one a file."""
    for number, record in enumerate(records):
        record.write(folder / f"{record.network}-{record.dataset['name']}-{number}.json")


def rows(folder, which):
    """The rows of ``zoo table`` on the Records in ``folder``, as plain values."""
    return json.loads(document(which, "json", folder))
