"""A linear network scored on 2,003 generated images, as test_exact_counts.py runs it in a process of its own.

    python exact_counts_case.py FOLDER

Pixels are whole numbers and weights multiples of 2^-8, so that no sum is rounded in any order: what differs is counted
wrongly. Leaves FOLDER/<how>-<processes>-<batch size>.json: Records of a Trainer, and what a bare loop measures.
"""

import json
import os
import socket
import sys
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.pytorch import Trainer

from zoo.data.base import InMemoryDataModule
from zoo.data.sampling import Batches
from zoo.data.transforms import CIFAR10
from zoo.evaluation.collectors import TrainerMeasures
from zoo.evaluation.metrics import ErrorCounts
from zoo.evaluation.predictions import Predicting, Predictions
from zoo.evaluation.recorder import Recorder
from zoo.models import LinearModel

NUM, CLASSES, SIDE = 2_003, 12, 4


class Generated(InMemoryDataModule):
    """Noise with a mark of the class, so that a linear network is right for some and wrong for others."""

    name = "generated"

    def __init__(self, batch_size: int, num: int = NUM) -> None:
        super().__init__(batch_size, 0, 0, CIFAR10["raw"])
        self.num = num
        self.class_names = [f"c{label}" for label in range(CLASSES)]

    def read(self):
        """The same images in every process."""
        generator = torch.Generator().manual_seed(0)
        labels = torch.randint(CLASSES, (NUM,), generator=generator)
        images = torch.randint(0, 200, (NUM, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        images.view(NUM, -1)[torch.arange(NUM), labels] += 55
        return {"train": (images[:40], labels[:40]), "test": (images[: self.num], labels[: self.num])}


def made_model() -> LinearModel:
    """Right for the marked pixel, with small whole steps of noise."""
    model = LinearModel(in_channels=3, input_size=SIDE, num_classes=CLASSES)
    noise = torch.randint(-1, 2, (CLASSES, 3 * SIDE**2), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model.network.fc.weight.copy_((8 * torch.eye(CLASSES, 3 * SIDE**2) + noise) / 256)
    return model


def with_trainer(folder: Path, processes: int, size: int) -> None:
    """A test as `zoo test` runs it."""
    path = folder / f"trainer-{processes}-{size}.json"
    recorder = Recorder(path, {"data": {}, "model": {}, "trainer": {}, "seed_everything": 0})
    trainer = Trainer(
        accelerator="cpu", devices=processes, strategy="ddp_fork" if processes > 1 else "auto", logger=False,
        enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
        callbacks=[recorder, Predicting(Predictions(path.with_suffix(".npz")))],
    )  # fmt: skip
    trainer.test(made_model(), Generated(size), verbose=False)


def bare(rank: int, folder: Path, processes: int, port: int) -> None:
    """The same without a Trainer, whose 2,003 steps of one image would take long."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=processes)
    network = made_model().network
    for size in (1, 64, 1000):
        data = Generated(size)
        data.setup()
        loader = data.test_dataloader()
        sampler = Batches(NUM, size, shuffle=False, rank=rank, num_replicas=processes)
        loader = torch.utils.data.DataLoader(loader.dataset, batch_size=None, sampler=sampler)
        measures, counts = TrainerMeasures(loader, data, network), ErrorCounts()
        with torch.inference_mode():
            for images, labels in loader:
                logits = network(images)
                measures.update({"logits": logits, "labels": labels})
                counts.update(logits, labels, F.cross_entropy(logits, labels, reduction="none"))
        found = counts.compute() | measures.result(len(loader))
        if rank == 0:
            (folder / f"bare-{processes}-{size}.json").write_text(json.dumps(found))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def main(folder: Path) -> None:
    """Every number of processes with every batch size; the Trainer with some of them."""
    for processes, size in ((1, 1000), (2, 64), (3, 1000)):
        with_trainer(folder, processes, size)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        torch.multiprocessing.start_processes(bare, (folder, processes, port), processes, start_method="fork")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
