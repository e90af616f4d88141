"""The grid of a sweep: options with lists and ranges of values, as they are typed. Standard library only."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from zoo.errors import InputError

#: What makes another run of the same experiment, and not another experiment.
CHANCE = "seed_everything"
# More runs than anybody means: a range that is typed wrongly.
MOST = 10_000
# Options that every run of a sweep is given, or that no two of them can share.
_OWN = ("ckpt_path", "resume", "predictions", "test", "print_config", "help", "trust")
# Errors on other held-out images are not comparable.
_SAME = ("data", "data.root", "data.num_held_out", "data.num_test", "trainer.limit_val_batches", "trainer.fast_dev_run")
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(\d+))?")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Member:
    """One run of a sweep: its folder's name, and the value of every option, in the order in which they were typed."""

    name: str
    values: dict[str, str]

    @property
    def words(self) -> list[str]:
        """The options as words for ``zoo fit``."""
        return [word for option, value in self.values.items() for word in (f"--{option}", value)]


@dataclass(frozen=True)
class Grid:
    """The values of every option; those of more than one are varied."""

    values: dict[str, list[str]]

    @property
    def varied(self) -> list[str]:
        """The options that differ between the runs, the seed last."""
        names = [option for option, values in self.values.items() if len(values) > 1]
        return sorted(names, key=lambda option: option == CHANCE)

    def members(self) -> list[Member]:
        """All combinations: the first option changes slowest."""
        combinations = itertools.product(*self.values.values())
        return [
            Member(self._name(number, chosen), dict(zip(self.values, chosen, strict=True)))
            for number, chosen in enumerate(combinations, start=1)
        ]

    def samples(self) -> Iterator[Member]:
        """The first combination, and with it every further value of each option once: what has to be understood."""
        first, *_ = self.members()
        yield first
        for option, values in self.values.items():
            for value in values[1:]:
                yield Member(first.name, first.values | {option: value})

    def short(self, option: str) -> str:
        """An option by the end of its path, or where two end alike by all of it."""
        ends = [name.rpartition(".")[2] for name in self.varied]
        end = option.rpartition(".")[2]
        return end if ends.count(end) == 1 else option

    def _name(self, number: int, chosen: Sequence[str]) -> str:
        values = dict(zip(self.values, chosen, strict=True))
        told = ",".join(f"{self.short(option)}={last_word(values[option])}" for option in self.varied)
        # What no file system and no shell minds.
        text = re.sub(r"[^\w.=+,-]+", "_", told)
        return f"{number:03d}-{text}"[:_LONGEST_NAME].rstrip(".-_,") if text else f"{number:03d}"


def last_word(value: str) -> str:
    """A class by its name, any other value as it is."""
    return value.rpartition(".")[2] if re.fullmatch(r"[A-Za-z_][\w.]*", value) else value


def read_grid(words: Sequence[str]) -> Grid:
    """The grid in words such as ``--model.optimizer.lr 0.001,0.01 --seed_everything 0..2``.

    Raises InputError for words that are no options, an option without a value or typed twice, one that belongs to a
    single run or to the data that ranks are compared on, and for more runs than a grid can mean.
    """
    values: dict[str, list[str]] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            raise InputError(f"{word!r} belongs to no option: write --KEY VALUE,VALUE,... without blanks between them.")
        option, equals, text = word.removeprefix("--").partition("=")
        if not equals:
            if not left or left[0].startswith("--"):
                raise InputError(f"{word} has no value: write {word} and what it is to be, or leave it out.")
            text = left.pop(0)
        _check_option(option)
        if option in values:
            raise InputError(f"--{option} is typed twice: write all its values once, as V,V,... or FIRST..LAST.")
        values[option] = _values(option, text)
        if len(values[option]) > 1:
            _check_varied(option)
    if (number := prod(map(len, values.values()))) > MOST:
        raise InputError(f"The values make {number:,} runs, more than {MOST:,}: write fewer of them.")
    return Grid(values)


def _check_option(option: str) -> None:
    if option in _OWN or option.endswith(".help"):
        raise InputError(
            f"--{option} is no option of a sweep: each run is trained from its start, ranked on the held-out slice and"
            " not tested; zoo fit and zoo test take it."
        )


def _check_varied(option: str) -> None:
    if option in _SAME:
        raise InputError(f"--{option} must have one value in a sweep: its runs are ranked on the same held-out images.")


def _values(option: str, text: str) -> list[str]:
    found = [value for part in _parts(option, text) for value in _spread(option, part)]
    if twice := [value for place, value in enumerate(found) if value in found[:place]]:
        raise InputError(f"--{option} has the value {twice[0]} twice: leave one out.")
    return found


def _parts(option: str, text: str) -> list[str]:
    """``text`` cut at its commas, but for those within brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if sign == "," and not depth and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        depth += (sign in "[{(") - (sign in "]})") if not quote else 0
        parts[-1] += sign
    parts = [part.strip() for part in parts]
    if not all(parts):
        raise InputError(f"--{option} {text} has an empty value between its commas: write V,V,... without blanks.")
    return parts


def _spread(option: str, part: str) -> list[str]:
    """A range's whole numbers, both ends among them; any other value as it is."""
    match = _RANGE.fullmatch(part)
    if match is None:
        if ".." in part and re.fullmatch(r"[\d.e+-]+", part):
            raise InputError(
                f"--{option} {part} is no range: FIRST..LAST and FIRST..LAST..STEP are of whole numbers; list others."
            )
        return [part]
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if last < first or not step:
        raise InputError(f"--{option} {part} is an empty range: write FIRST..LAST with LAST the greater number.")
    if (last - first) // step >= MOST:
        raise InputError(f"--{option} {part} is more than {MOST:,} values: write fewer of them.")
    return [str(value) for value in range(first, last + 1, step)]
