"""A run made again: what differs behind two Records, and whether the number came back. Standard library only."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.results.interval import difference_interval
from zoo.results.record import Record

IDENTICAL, SAME_COUNTS, WITHIN = "bit-identical weights", "the same counts", "within the interval"
NOT_REPRODUCED = "not reproduced"
UNKNOWN, ABSENT = "not recorded", "absent"
# On what the run goes, who watches it and when it saves are no part of what was computed; no class declares these.
LOGGERS = ("wandb", "tensorboard", "mlflow")
_NOT_THE_RUN = ("trainer.accelerator", "trainer.devices", *LOGGERS, "save_every", "keep")


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was, in words."""

    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Outcome:
    """How closely a number came back, and the sentence that says by which measure."""

    level: str
    sentence: str

    @property
    def reproduced(self) -> bool:
        """Whether it came back at all."""
        return self.level != NOT_REPRODUCED


def compare(then: Record, now: Record) -> Outcome:
    """Judges a run made again: equal weights, else equal counts, else an interval of the difference that holds 0."""
    other = next(_other_measurements(then, now), None)
    if other is not None:
        return Outcome(NOT_REPRODUCED, f"{other.name} is {other.now}, but was {other.then}")
    wrong = (then.metrics["top1_wrong"], then.metrics["top5_wrong"])
    same_counts = wrong == (now.metrics["top1_wrong"], now.metrics["top5_wrong"])
    same_weights = then.weights["sha256"] == now.weights["sha256"]
    counts = f"{wrong[0]} of {then.n:,} images wrong (top-1) and {wrong[1]} (top-5), as in the Record"
    if same_weights and same_counts:
        return Outcome(IDENTICAL, f"sha256 {now.weights['sha256']}; {counts}")
    if same_counts:
        return Outcome(SAME_COUNTS, f"{counts}, with other weights")
    return _judged(then, now, same_weights)


def _judged(then: Record, now: Record, same_weights: bool) -> Outcome:
    before, after = (float(record.metrics["top1_error"] or 0) for record in (then, now))
    low, high = difference_interval([after], now.n, before, then.n, 0.0)
    weights = "; the weights are the same, so the measuring differs" if same_weights else ""
    return Outcome(
        WITHIN if low <= 0 <= high else NOT_REPRODUCED,
        f"top-1 error {after:.2f} % instead of {before:.2f} %, a difference of {after - before:+.2f} points with the"
        f" 95 % interval {low:+.2f} to {high:+.2f}, both taken as binomial (benchmarks/README.md){weights}",
    )


def _other_measurements(then: Record, now: Record) -> Iterator[Difference]:
    """What makes two numbers answers to two questions."""
    for name in ("network", "variant", "parameters", "protocol", "n"):
        if getattr(then, name) != getattr(now, name):
            yield Difference(name, str(getattr(then, name)), str(getattr(now, name)))
    # Older Records do not say it.
    if then.batch_norm_images and now.batch_norm_images != then.batch_norm_images:
        yield Difference("batch_norm_images", str(then.batch_norm_images), str(now.batch_norm_images))
    for name in ("name", "split"):
        if then.dataset[name] != now.dataset[name]:
            yield Difference(f"dataset.{name}", then.dataset[name], now.dataset[name])


def of_code(then: Record, git: dict[str, Any] | None) -> list[Difference]:
    """How today's checkout differs from the one that the Record names."""
    before, after = (_state(state) for state in (then.git, git))
    return [Difference("commit", before, after)] if before != after or "uncommitted" in before else []


def of_environment(then: Record, environment: dict[str, Any]) -> list[Difference]:
    """How Python, packages, machine, device, processes and threads differ; what neither side knows is left out."""
    before = then.environment
    names = ("python", "platform", "machine", "cores", "device", "processes", "threads")
    pairs = [(name, before.get(name), environment.get(name)) for name in names]
    packages = {**environment["packages"], **before["packages"]}
    pairs += [(name, before["packages"].get(name), environment["packages"].get(name)) for name in packages]
    return [Difference(name, *(UNKNOWN if x is None else str(x) for x in (a, b))) for name, a, b in pairs if a != b]


def of_config(then: dict[str, Any], now: dict[str, Any], declared: dict[str, dict[str, Any]]) -> list[Difference]:
    """The options whose value differs: a default that changed, an option that came or went.

    Those that change no number are left out, by what ``declared`` says of each class (see ``zoo.options.declared``).
    """
    before, after = (dict(_leaves(config, declared)) for config in (then, now))
    names = sorted(name for name in before.keys() | after.keys() if not name.startswith(_NOT_THE_RUN))
    pairs = ((name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in names)
    return [Difference(name, str(a), str(b)) for name, a, b in pairs if a != b]


def _leaves(
    value: dict[str, Any], declared: dict[str, dict[str, Any]], prefix: str = "", ignored: Container[str] = ()
) -> Iterator[tuple[str, Any]]:
    of_class = declared.get(value.get("class_path", ""), {}).get("changes_no_number", ())
    for key, content in value.items():
        if key in ignored:
            continue
        if isinstance(content, dict):
            yield from _leaves(content, declared, f"{prefix}{key}.", of_class if key == "init_args" else ())
        else:
            yield f"{prefix}{key}", content


def _state(git: dict[str, Any] | None) -> str:
    if git is None:
        return "an installed package"
    return f"{git['commit']}{' with uncommitted changes' if git['dirty'] else ''}"
