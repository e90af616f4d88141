"""A row of the tables of results: what is known of one experiment, one config or one published figure."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """None stands for what is not known. Errors are percent, times seconds; the order is that of CSV's columns.

    ``training`` is what tells experiments with the same network and data apart; ``published_*`` are the figure that
    errors are compared with, ``then_*`` the hardware and time of its training; ``config`` is a shipped one that nobody
    ran, and of a run ``replaced`` says whether a later recipe has taken its place among the shipped ones.
    """

    network: str | None = None
    variant: str | None = None
    training: str | None = None
    parameters: int | None = None
    dataset: str = ""
    split: str | None = None
    protocol: str | None = None
    n: int | None = None
    runs: int | None = None
    seeds: list[int | None] | None = None
    top1_error: float | None = None
    top1_spread: float | None = None
    top5_error: float | None = None
    top5_spread: float | None = None
    published: float | None = None
    published_measure: str | None = None
    published_top1_error: float | None = None
    published_top5_error: float | None = None
    published_name: str | None = None
    published_nets: int | None = None
    published_extra_data: bool | None = None
    published_approximate: bool | None = None
    published_source: str | None = None
    published_status: str | None = None
    difference: float | None = None
    interval: list[float] | None = None
    verdict: str = ""
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
    macs: int | None = None
    train_images: float | None = None
    train_macs: float | None = None
    train_seconds: float | None = None
    device: str | None = None
    then_hardware: str | None = None
    then_seconds: list[float] | None = None
    then_source: str | None = None
    then_status: str | None = None
    then_note: str | None = None
    fingerprint: str | None = None
    fingerprint_of: str | None = None
    commits: list[str] | None = None
    weights: list[str] | None = None
    experiment: str | None = None
    config: str | None = None
    replaced: bool | None = None

    @property
    def error(self) -> float:
        """The measured top-1 error, percent, of a row of runs; no other row may be asked for it."""
        assert self.top1_error is not None
        return self.top1_error

    @property
    def label(self) -> str:
        """The network, as ``label_of`` names it."""
        return label_of(self.network or "", self.variant or "")


def label_of(network: str, variant: str) -> str:
    """The name of a network, with its variant where that is not the paper's: ``vgg16, bn``."""
    return network if variant == "paper" else f"{network}, {variant}"
