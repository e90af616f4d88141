"""Networks measured under several protocols together, each image read once, by the Trainer's test loop."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from zoo.evaluation.collectors import Collector, Measures
from zoo.evaluation.metrics import ErrorCounts
from zoo.evaluation.precision import full_float32
from zoo.evaluation.protocols.plan import Protocol
from zoo.evaluation.protocols.scores import ensemble, scores


class Measurement(LightningModule):
    """Scores batches of a data module that yields (indices, labels, groups of equal shapes) and says how to normalise.

    ``own`` is the shape of images that all have the same, or the short side that photographs are scaled to; ``limit``
    is how many images make up a forward pass. ``results[m][p]`` are, after a test, what ``ErrorCounts`` and
    ``Measures`` say of network ``m`` under protocol ``p``, over all processes; where ``as_ensemble`` is set there is
    one m, the mean of the networks' class probabilities. The loss is the cross-entropy of the protocol's probabilities,
    whatever the network was trained with. ``collectors`` are fed with what the first network gives under the first
    protocol. ``dense_form`` makes a network fully convolutional.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        protocols: Sequence[Protocol],
        own: tuple[int, int] | int,
        limit: int,
        dense_form: Callable[[Any], nn.Module],
        as_ensemble: bool = False,
        collectors: Sequence[Collector] = (),
    ) -> None:
        super().__init__()
        self.networks, self.protocols, self.limit = nn.ModuleList(networks), protocols, limit
        self.own_scale = own if isinstance(own, int) else min(own)
        self.dense_form, self.as_ensemble, self.collectors = dense_form, as_ensemble, collectors
        outcomes = 1 if as_ensemble else len(networks)
        self.counts = nn.ModuleList(nn.ModuleList(ErrorCounts() for _ in protocols) for _ in range(outcomes))
        self.results: list[list[dict[str, Any]]] = []

    def on_test_start(self) -> None:
        """Makes the fully convolutional forms, which share the weights where these lie now, and starts the clock."""
        wanted = any(protocol.dense for protocol in self.protocols)
        self.dense = [self.dense_form(network) if wanted else None for network in self.networks]
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.measures = [
            [Measures(data.num_images, _outputs(network), data.data.class_names) for _ in self.protocols]
            for network, _ in zip(self.networks, self.counts, strict=False)
        ]
        self.measures[0][0].collectors += self.collectors
        self._started = time.perf_counter()

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Scores a batch under every protocol in float32; the images go through each network once a view."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        with full_float32(self.device):
            members = [
                scores(
                    network, dense, self.protocols, batch.groups, size=input_size(network), own=self.own_scale,
                    limit=self.limit, normalize=data.normalized,
                )
                for network, dense in zip(self.networks, self.dense, strict=True)
            ]  # fmt: skip
        if self.as_ensemble:
            members = [[ensemble(of_protocol) for of_protocol in zip(*members, strict=True)]]
        for m, of_member in enumerate(members):
            for p, logits in enumerate(of_member):
                self._update(m, p, logits, batch)

    def on_test_epoch_end(self) -> None:
        """Adds up over all processes. Raises InputError, on each of them, unless every image was scored once."""
        for of_member, measures in zip(self.counts, self.measures, strict=True):
            pairs: Any = zip(of_member, measures, strict=True)  # type: ignore[call-overload]
            self.results.append([counts.compute() | measured.result() for counts, measured in pairs])

    def on_test_end(self) -> None:
        """Stops the clock."""
        self.seconds = time.perf_counter() - self._started

    def _update(self, m: int, p: int, logits: Tensor, batch: Any) -> None:
        losses = F.cross_entropy(logits, batch.labels, reduction="none")
        self.counts[m][p].update(logits, batch.labels, losses)  # type: ignore
        self.measures[m][p].update(batch.indices.cpu(), logits, batch.labels)


def input_size(network: Any) -> tuple[int, int]:
    """Height and width of the network's input."""
    return network.input_shape[1], network.input_shape[2]


def _outputs(network: Any) -> int:
    return int(network.num_classes)
