"""All protocols of a network on one batch: every view goes through the network once, whoever asked for it."""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.evaluation.protocols.plan import Geometry, Protocol, View, take, unchanged
from zoo.views import Group

Network = Callable[[Tensor], Tensor]


def scores(
    network: Network,
    dense: Network | None,
    protocols: Sequence[Protocol],
    groups: Sequence[Group],
    *,
    size: tuple[int, int],
    own: int,
    limit: int,
    normalize: Network = unchanged,
) -> list[Tensor]:
    """For each protocol (N, num_classes): the logits of a single view, the log of the mean probability of several.

    ``dense`` is the network's fully convolutional form, for protocols that move it over whole images: its map of class
    scores (N, num_classes, h, w) is averaged over the image before the softmax. ``groups`` make up a batch of N
    images, of which every view in a group is a forward pass of its own or part of one; none has more pixels than
    ``limit`` inputs of the network have, unless a single image has. ``normalize`` makes cut images the network's input.
    """
    views = _ForwardPasses(network, limit, size)
    maps = _ForwardPasses(lambda images: dense(images).mean(dim=(2, 3)), limit, size) if dense else None
    plans = []
    for number, group in enumerate(groups):
        shapes = {scale: (images.shape[2], images.shape[3]) for scale, images in group.images.items()}
        plans.append([protocol.weights(Geometry(size, own, shapes)) for protocol in protocols])
        for view in dict.fromkeys(view for weights in plans[-1] for view in weights):
            waiting = views if view.place is not None else maps
            assert waiting is not None, "a dense protocol needs the network's fully convolutional form"
            waiting.add((number, view), take(view, group, size, normalize))
    logits = views.results() | (maps.results() if maps else {})
    return [
        _in_batch_order(
            groups, [_mean({view: logits[n, view] for view in plan[p]}, plan[p]) for n, plan in enumerate(plans)]
        )
        for p in range(len(protocols))
    ]


def averaged(network: Network, views: Iterable[Tensor]) -> Tensor:
    """The log of the mean over views of the network's class probabilities, (N, num_classes).

    ``views`` are batches of the same images in the same order; one at a time goes through the network.
    """
    return ensemble([network(view) for view in views])


def ensemble(members: Sequence[Tensor]) -> Tensor:
    """The log of the mean over networks or views of the class probabilities of their logits, (N, num_classes).

    One alone stays as it is.
    """
    if len(members) == 1:
        return members[0]
    return torch.stack([F.log_softmax(scores, dim=1) for scores in members]).logsumexp(dim=0) - math.log(len(members))


def _mean(logits: dict[View, Tensor], weights: dict[View, float]) -> Tensor:
    if len(logits) == 1:
        return next(iter(logits.values()))
    terms = [F.log_softmax(logits[view], dim=1) + math.log(weight) for view, weight in weights.items()]
    return torch.stack(terms).logsumexp(dim=0)


def _in_batch_order(groups: Sequence[Group], parts: Sequence[Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    rows = torch.cat([group.rows for group in groups])
    return torch.cat(list(parts))[rows.argsort()]


class _ForwardPasses:
    """Forward passes filled up with images of equal shapes, whichever view and group they are from."""

    def __init__(self, network: Network, limit: int, size: tuple[int, int]) -> None:
        self.network, self.limit, self.size = network, limit, size
        self.waiting: dict[tuple[int, ...], list[tuple[Hashable, Tensor]]] = {}
        self.done: dict[Hashable, list[Tensor]] = {}

    def add(self, key: Hashable, images: Tensor) -> None:
        """Puts images in line; what fills a forward pass goes through the network."""
        room = max(1, self.limit * math.prod(self.size) // math.prod(images.shape[2:]))
        for part in images.split(room):
            line = self.waiting.setdefault(tuple(images.shape[1:]), [])
            if sum(len(waiting) for _, waiting in line) + len(part) > room:
                self._flush(line)
            line.append((key, part))

    def results(self) -> dict[Hashable, Tensor]:
        """Logits (n, num_classes) by key."""
        for line in self.waiting.values():
            self._flush(line)
        return {key: torch.cat(parts) for key, parts in self.done.items()}

    def _flush(self, line: list[tuple[Hashable, Tensor]]) -> None:
        if line:
            logits = self.network(torch.cat([images for _, images in line]))
            for (key, _), part in zip(line, logits.split([len(images) for _, images in line]), strict=True):
                self.done.setdefault(key, []).append(part)
            line.clear()
