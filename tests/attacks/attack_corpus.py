"""The corpus as cases: the tables in words/ and files.yaml, read anew for each run; see README.md beside this file."""

import fcntl
import os
import random
import shlex
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

import yaml
from attack_mutations import MUTATIONS
from attack_stock import Stock

HERE = Path(__file__).parent
# One of so many cases is in the short form, beside the first of each group.
SHARE = {"words": 24, "files": 28}
# What words of the tables stand for.
SPELT_OUT = {
    "$DIGITS": "fit --config lenet5_digits $ONE",
    "$LINEAR": "fit $RAW --model LinearModel --model.in_channels 1 --model.input_size 8 $ONE",
    "$MLP": "fit $RAW --model MLPModel --model.in_channels 1 --model.input_size 8 $ONE",
    "$RAW": "--data Digits --data.transform raw",
    "$ONE": "--trainer.max_epochs 1 --trainer.limit_train_batches 1 --trainer.limit_test_batches 1"
    " --trainer.accelerator cpu --trainer.enable_progress_bar false",
}


@dataclass(frozen=True)
class Case:
    """One command with all that it finds in its folder, and how it has to end; README.md explains the fields."""

    name: str
    kind: str
    words: list[str]
    expect: str = "refused"
    says: tuple[str, ...] = ()
    status: frozenset[int] | None = None
    stock: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    make: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    stdout: str = "file"
    file_limit: int | None = None
    may_write: str | None = None
    notices: bool = False
    shows: str = ""
    hides: str = ""
    attacked: str | None = None
    mutation: str | None = None

    def prepare(self, work: Path, stock: Stock, canary: Path) -> list[IO[str]]:
        """Fills the folder in which the command is run; the files that are locked meanwhile."""
        for name in self.stock:
            stock.copy(name, work)
        for name, text in self.files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        for name, what in self.make.items():
            _make(work / name, what)
        if self.attacked and self.mutation:
            path = work / self.attacked
            content = path.read_bytes()
            # It may be linked from the stock.
            path.unlink()
            path.write_bytes(content)
            MUTATIONS[self.mutation](path, random.Random(self.name), canary)
        locked = [(work / name).open("w") for name, what in self.make.items() if what == "lock"]
        for file in locked:
            fcntl.flock(file, fcntl.LOCK_EX)
        return locked


def _make(path: Path, what: str) -> None:
    kind, _, value = what.partition(" ")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() or path.is_symlink():
        path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(value)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(int(value))
    elif kind == "lock":
        path.touch()
    else:
        raise ValueError(f"nothing is made by {what!r}")


@cache
def all_cases() -> list[Case]:
    """Every case, each with a name of its own."""
    cases = [*_of_words(), *_of_files()]
    assert len({case.name for case in cases}) == len(cases)
    return cases


def short_form(cases: list[Case]) -> list[Case]:
    """The first case of each group and a fixed share of the others."""
    firsts = _firsts(cases)
    return [case for case in cases if case in firsts or zlib.crc32(case.name.encode()) % SHARE[case.kind] == 0]


def brief_form(cases: list[Case]) -> list[Case]:
    """The first case of every 24th group."""
    return _firsts(cases)[::24]


def _firsts(cases: list[Case]) -> list[Case]:
    return list({case.name.rpartition("/")[0]: case for case in reversed(cases)}.values())[::-1]


def _of_words() -> Iterator[Case]:
    for file in sorted((HERE / "words").glob("*.yaml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8")):
            commands = group["words"] if isinstance(group["words"], list) else [group["words"]]
            for number, given in enumerate(group.get("inputs", [""])):
                own = given if isinstance(given, dict) else {"input": given}
                assert isinstance(own.get("input", ""), str | int), f"quote {own['input']} in {file.name}"
                for place, command in enumerate(commands):
                    name = f"{file.stem}/{group['name']}/{number}{f'-{place}' if len(commands) > 1 else ''}"
                    yield _of_group(group | own, str(own.get("input", "")), command, name)


def _of_group(group: dict[str, Any], given: str, command: str, name: str) -> Case:
    files = dict(group.get("files", {}))
    if "into" in group:
        files[group["into"]] = given
    else:
        command = command.replace("{}", given)
    return Case(name, "words", shlex.split(_spelt_out(command)), files=files, **_shared(group))


def _spelt_out(command: str) -> str:
    for word, meant in SPELT_OUT.items():
        command = command.replace(word, meant)
    return command


def _of_files() -> Iterator[Case]:
    for kind in yaml.safe_load((HERE / "files.yaml").read_text(encoding="utf-8")):
        turn = 0
        for mutation, number in kind["mutations"].items():
            expect = kind.get("but", {}).get(mutation, kind.get("expect", "refused"))
            for seed in range(number):
                command = _spelt_out(kind["words"][turn % len(kind["words"])])
                turn += 1
                name = f"files/{kind['kind']}/{mutation}-{seed}"
                shared = _shared(kind | {"expect": expect})
                yield Case(name, "files", shlex.split(command), attacked=kind["attacked"], mutation=mutation, **shared)


def _shared(group: dict[str, Any]) -> dict[str, Any]:
    says, status = group.get("says", ()), group.get("status")
    return {
        "expect": group.get("expect", "refused"),
        "says": (says,) if isinstance(says, str) else tuple(says),
        "status": None if status is None else frozenset([status] if isinstance(status, int) else status),
        "stock": tuple(group.get("stock", ())),
        "make": group.get("make", {}),
        "env": {name: str(value) for name, value in group.get("env", {}).items()},
        "stdout": group.get("stdout", "file"),
        "file_limit": group.get("file_limit"),
        "may_write": group.get("may_write"),
        "notices": group.get("notices", False),
        "shows": group.get("shows", ""),
        "hides": group.get("hides", ""),
    } | ({"files": group["files"]} if "files" in group and "kind" in group else {})
