"""Images a second of a network: repeats of equal work after a warm-up, by the wall clock and the processor's."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from zoo.evaluation.precision import multiplies_bfloat16
from zoo.results.speed import rates

Losses = Callable[[Tensor, Tensor], Tensor]
# A repeat lasts at least so long, so that the clock's steps do not show; a long batch is one repeat.
LEAST_SECONDS = 0.05


def forms_of(network: nn.Module, device: torch.device) -> list[str]:
    """The ways in which ``network`` can run on ``device``, each with all that makes those before it fast.

    float32; channels_last, where there are convolutions; bfloat16, where the device computes in it; compiled, on CUDA,
    whose compiler comes with torch.
    """
    forms = ["float32"]
    if any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        forms.append("channels_last")
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return [*forms, "bfloat16", "compiled"]
    if device.type == "cpu" and multiplies_bfloat16():
        forms.append("bfloat16")
    return forms


def prepared(network: nn.Module, form: str) -> nn.Module:
    """``network``, its weights laid out for the form, compiled where that is the form."""
    network.to(memory_format=torch.contiguous_format if form == "float32" else torch.channels_last)
    return torch.compile(network) if form == "compiled" else network  # type: ignore[return-value]


def evaluation_step(network: nn.Module, form: str, images: Tensor) -> Callable[[], None]:
    """A call that does one forward pass."""
    ready = prepared(network, form).eval()

    def step() -> None:
        with torch.inference_mode(), autocast(form, images.device):
            ready(images)

    return step


def training_step(network: nn.Module, form: str, images: Tensor, labels: Tensor, losses: Losses) -> Callable[[], None]:
    """A call that does forward, loss, backward and a step of SGD; its rate is 0, so that no repeat differs."""
    ready = prepared(network, form).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        with autocast(form, images.device):
            logits = ready(images)
        losses(logits.float(), labels).mean().backward()
        optimizer.step()

    return step


def timed(step: Callable[[], None], batch_size: int, device: torch.device, warmup: int, repeats: int) -> dict[str, Any]:
    """Steps a repeat, the repeats' seconds, and the images a second that follow."""
    for _ in range(warmup):
        (taken, _) = _clocked(step, 1, device)
    steps = max(1, math.ceil(LEAST_SECONDS / taken))
    clocks = [_clocked(step, steps, device) for _ in range(repeats)]
    seconds = [wall for wall, _ in clocks]
    return {
        "batch_size": batch_size,
        "steps": steps,
        "seconds": seconds,
        "cpu_seconds": [processor for _, processor in clocks] if device.type == "cpu" else None,
        "images_per_second": rates(batch_size, steps, seconds),
    }


def _clocked(step: Callable[[], None], steps: int, device: torch.device) -> tuple[float, float]:
    """Wall and processor seconds of ``steps`` calls, to the end of what they set going on the device."""
    wait(device)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    wait(device)
    return time.perf_counter() - wall, time.process_time() - processor


def wait(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


@contextmanager
def autocast(form: str, device: torch.device) -> Iterator[None]:
    """bfloat16 where the form has it."""
    with torch.autocast(device.type, torch.bfloat16, enabled=form in ("bfloat16", "compiled")):
        yield
