"""How all verbs but those of Lightning declare their options: with argparse, whose errors become one sentence."""

import argparse

from zoo.errors import InputError


class Parser(argparse.ArgumentParser):
    """A parser that raises InputError for words that it does not understand."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """One sentence with a capital, and the way out."""
        raise InputError(f"{message[0].upper()}{message[1:]}: {self.prog} --help says more.")
