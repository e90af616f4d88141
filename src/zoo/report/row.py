"""A row of the tables of results: what is known of one experiment, one config or one published figure."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """None stands for what is not known. Errors are percent, times seconds; the order is that of CSV's columns.

    ``training`` is what parts experiments with the same network and data; ``published_*`` are the figure that errors
    are compared with, ``then_*`` the hardware and time of its training; ``config`` is a shipped one that nobody ran.
    """

    network: Any = None
    variant: Any = None
    training: Any = None
    parameters: Any = None
    dataset: Any = None
    split: Any = None
    protocol: Any = None
    n: Any = None
    runs: Any = None
    seeds: Any = None
    top1_error: Any = None
    top1_spread: Any = None
    top5_error: Any = None
    top5_spread: Any = None
    published: Any = None
    published_measure: Any = None
    published_top1_error: Any = None
    published_top5_error: Any = None
    published_name: Any = None
    published_nets: Any = None
    published_extra_data: Any = None
    published_approximate: Any = None
    published_source: Any = None
    published_status: Any = None
    difference: Any = None
    interval: Any = None
    verdict: str = ""
    reason: Any = None
    notes: list[str] = field(default_factory=list)
    macs: Any = None
    train_images: Any = None
    train_macs: Any = None
    train_seconds: Any = None
    device: Any = None
    then_hardware: Any = None
    then_seconds: Any = None
    then_source: Any = None
    then_status: Any = None
    then_note: Any = None
    fingerprint: Any = None
    fingerprint_of: Any = None
    commits: Any = None
    weights: Any = None
    experiment: Any = None
    config: Any = None
