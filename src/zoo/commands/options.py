"""How all verbs but those of Lightning declare their options: with argparse, whose errors become one sentence."""

import argparse
import difflib
import re
from typing import Any

from zoo.errors import InputError
from zoo.trusted import trust


class Shown(Exception):  # noqa: N818
    """Raised with a parser that was wanted for what it declares, not for parsing."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """A parser that raises InputError for words that it does not understand.

    While ``shown`` is true it raises Shown instead of parsing: for the completion of words in a shell.
    """

    shown = False

    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        """As argparse does, which ``parse_args`` calls; imports the modules that the user trusts."""
        if Parser.shown:
            raise Shown(self)
        found = super().parse_known_args(*args, **options)
        for name in getattr(found[0], "trusted", ()):
            trust(name)
        return found

    def add_trust(self) -> None:
        """Declares ``--trust``: for weights of a network whose class is not the zoo's."""
        self.add_argument(
            "--trust", dest="trusted", metavar="MODULE", action="append", default=[],
            help="the module of somebody's own network, which is imported",
        )  # fmt: skip

    def error(self, message: str) -> None:  # type: ignore[override]
        """One sentence with a capital, and the way out."""
        raise InputError(f"{message[0].upper()}{message[1:]}: {self._hint(message)}")

    def _hint(self, message: str) -> str:
        if chosen := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            name, known = chosen[1], re.findall(r"[\w.+-]+", chosen[2])
        else:
            wrong = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
            name, known = wrong[1] if wrong else "", [*self._option_string_actions]
        near = difflib.get_close_matches(name, known, 1)
        return f"did you mean {near[0]}?" if near else f"{self.prog} --help says more."
