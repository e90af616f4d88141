"""Networks measured under several protocols in one pass over the images, by the Trainer's test loop."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.evaluation.metrics import ErrorCounts
from zoo.evaluation.protocols.plan import Protocol as TestProtocol
from zoo.evaluation.protocols.plan import check_fits
from zoo.evaluation.protocols.scores import ensemble, scores


class Collector(Protocol):
    """What looks at each batch of a measurement beside the counts."""

    def update(self, indices: Tensor, log_probabilities: Tensor, labels: Tensor) -> None:
        """Takes positions in the split (n,), log-probabilities (n, num_classes) and labels (n,), on the device."""


class Measurement(LightningModule):
    """Scores batches of a data module that yields (indices, labels, groups of equal shapes).

    ``results[m][p]`` are, after a test, the counts of network ``m`` under protocol ``p`` over all processes, as
    ``ErrorCounts.compute`` gives them; where ``as_ensemble`` is set there is one m, the mean of the networks' class
    probabilities. The loss is the cross-entropy of the protocol's probabilities, whatever the network was trained with.
    ``collectors[m][p]`` see each batch of this process. ``dense_form`` makes a network fully convolutional.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        protocols: Sequence[TestProtocol],
        limit: int,
        dense_form: Callable[[Any], nn.Module],
        as_ensemble: bool = False,
    ) -> None:
        super().__init__()
        self.networks, self.protocols, self.limit = nn.ModuleList(networks), protocols, limit
        self.dense_form, self.as_ensemble = dense_form, as_ensemble
        outcomes = 1 if as_ensemble else len(networks)
        self.counts = nn.ModuleList(nn.ModuleList(ErrorCounts() for _ in protocols) for _ in range(outcomes))
        self.collectors: list[list[list[Collector]]] = [[[] for _ in protocols] for _ in range(outcomes)]
        self.results: list[list[dict[str, float | int]]] = []

    def setup(self, stage: str) -> None:
        """Raises InputError where a protocol does not fit a network and the data."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.own = data.own
        for network in self.networks:
            check_classes(network, data.data.num_classes)
        for network in self.networks:
            for protocol in self.protocols:
                check_fits(protocol, _size(network), self.own)

    def on_test_start(self) -> None:
        """Makes the fully convolutional forms, which share the weights where these lie now."""
        wanted = any(protocol.dense for protocol in self.protocols)
        self.dense = [self.dense_form(network) if wanted else None for network in self.networks]
        self._started = time.perf_counter()

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Scores a batch under every protocol; the images go through each network once a view."""
        members = [
            scores(
                network, dense, self.protocols, batch.groups, size=_size(network), own=self._own_scale, limit=self.limit
            )
            for network, dense in zip(self.networks, self.dense, strict=True)
        ]
        if self.as_ensemble:
            members = [[ensemble(of_protocol) for of_protocol in zip(*members, strict=True)]]
        for m, of_member in enumerate(members):
            for p, logits in enumerate(of_member):
                self._update(m, p, logits, batch)

    def on_test_epoch_end(self) -> None:
        """Adds up over all processes."""
        self.results = [[counts.compute() for counts in of_member] for of_member in self.counts]  # type: ignore

    def on_test_end(self) -> None:
        """Stops the clock."""
        self.seconds = time.perf_counter() - self._started

    @property
    def _own_scale(self) -> int:
        return self.own if isinstance(self.own, int) else min(self.own)

    def _update(self, m: int, p: int, logits: Tensor, batch: Any) -> None:
        losses = F.cross_entropy(logits, batch.labels, reduction="none")
        self.counts[m][p].update(logits, batch.labels, losses)  # type: ignore
        if self.collectors[m][p]:
            log_probabilities = F.log_softmax(logits, dim=1)
            for collector in self.collectors[m][p]:
                collector.update(batch.indices, log_probabilities, batch.labels)


def _size(network: Any) -> tuple[int, int]:
    """Height and width of the network's input."""
    return network.input_shape[1], network.input_shape[2]


def check_classes(network: Any, num_classes: int) -> None:
    """Raises InputError where the labels name classes that the network has no output for."""
    if num_classes > network.num_classes:
        raise InputError(
            f"The data have {num_classes} classes but {network.name} has {network.num_classes} outputs:"
            " give weights that were trained on these data."
        )
