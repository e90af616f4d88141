"""The ``zoo`` command: finds out which verb is meant, and imports only what that verb needs."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from itertools import pairwise
from types import ModuleType

from zoo import __version__
from zoo.commands import VERBS, help_text
from zoo.errors import EMPTY, Diverged, InputError, Stopped
from zoo.output import any_output, of_a_disk, sentence, silence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, or 2 with one sentence on standard error for bad input.

    ``zoo data verify`` returns 1 where it found faults, ``zoo reproduce`` where the number did not come back; a run
    that diverged 1 as well, and one that a signal stopped 128 and the signal's number.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        # Not where somebody's own program calls this: its torchmetrics is its own.
        sys.meta_path.insert(0, LightMetrics())
    stop: SystemExit | None = None
    status = 0
    with any_output():
        try:
            try:
                status = _answer(words or ["--help"])
            except SystemExit as error:
                # Lightning's way to end where it was interrupted; otherwise a verb's --help.
                if isinstance(error.__context__, KeyboardInterrupt):
                    status = 130
                else:
                    stop = error
            # Not at the interpreter's exit, where nobody could say what is wrong.
            sys.stdout.flush()
        except BrokenPipeError:
            # "zoo list configs | head" closes our output early.
            silence()
            return 1
        except OSError as error:
            told = of_a_disk(error)
            if told is None:
                raise
            if status != 2:
                # Otherwise the reason has been said, and standard output is on the same full disk.
                print(f"zoo: {sentence(told)}", file=sys.stderr)
            silence()
            return 2
    if stop is not None:
        raise stop
    return status


def _answer(words: list[str]) -> int:
    if words[0] in ("-h", "--help", "help"):
        print(help_text(), end="")
        return 0
    if words[0] == "--version":
        print(f"zoo {__version__}")
        return 0
    try:
        return _run(words[0], words[1:])
    except InputError as error:
        print(f"zoo: {sentence(str(error))}", file=sys.stderr)
        return 2
    except Diverged as fault:
        # Of several processes one has something to say.
        if str(fault):
            print(f"zoo: {fault}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt) as stop:
        # Of several processes one has something to say.
        if str(stop):
            print(f"zoo: {stop}", file=sys.stderr)
        return getattr(stop, "status", 130)


class LightMetrics(MetaPathFinder, Loader):
    """Imports torchmetrics as where only torch and numpy are installed, which saves a third of a verb's start.

    Lightning imports all of it, and its metrics of sound, detection and whole-image quality bring in scipy.signal,
    matplotlib and torchvision's networks, of which nothing here makes use. For the command's own process alone.
    """

    LEFT_OUT = ("matplotlib", "scipy", "torchvision", "transformers")

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Takes the place of torchmetrics' own loader, once; None for any other module."""
        if name != "torchmetrics":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Runs torchmetrics' modules while it is told that those packages are not there."""
        from lightning_utilities.core import imports

        available, met = imports.package_available, imports.RequirementCache.__bool__
        replaced = (
            (imports, "package_available", lambda name: name not in self.LEFT_OUT and available(name), available),
            (imports.RequirementCache, "__bool__", lambda it: it.requirement not in self.LEFT_OUT and met(it), met),
        )
        try:
            for place, name, without, _ in replaced:
                setattr(place, name, without)
            self.loader.exec_module(module)
        finally:
            for place, name, _, before in replaced:
                setattr(place, name, before)


def _run(verb: str, args: list[str]) -> int:
    if verb not in VERBS:
        from difflib import get_close_matches

        near = get_close_matches(verb.lower(), [*VERBS, "--help", "--version"], 1)
        hint = f"did you mean zoo {near[0]}?" if near else "zoo --help shows the verbs."
        raise InputError(f"There is no verb {verb!r}: {hint}")
    # A word that is to be completed may be empty.
    for before, word in pairwise([verb, *args] if verb != "completion" else []):
        if not word.strip():
            raise InputError(f"An empty word follows {before}: {EMPTY}.")
        if word.startswith("--") and word.endswith("="):
            raise InputError(f"{word[:-1]} is empty: {EMPTY}.")
    status: int = import_module(f"zoo.commands.{VERBS[verb]}").run(verb, args)
    return status
