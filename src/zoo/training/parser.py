"""The command line's parser, made readable: errors of one sentence, help of one screen."""

import argparse
import re
import textwrap
from collections.abc import Iterable
from typing import Any, Union, get_args

from lightning.pytorch.cli import LightningArgumentParser

from zoo.catalog import DATA
from zoo.configs import NOTHING
from zoo.errors import EMPTY, InputError
from zoo.training import suggestions
from zoo.training.arguments import value_of

WIDTH = 100
# Of these their overlays tell: the help fits on a screen.
_OVERLAYS = ("tensorboard", "mlflow")
_LOGGERS = (
    "add --config overlays/tensorboard, overlays/mlflow or overlays/wandb, or give class_path and init_args of one of"
    " Lightning's loggers in a config."
)
# Shorter words for the options that come with LightningCLI.
HELP = {
    "config": "a YAML file or a name from zoo list configs; of several, later ones win",
    "print_config": "print the resulting configuration and stop",
    "seed_everything": "seed of weights, order, augmentation and dropout",
}


class Parser(LightningArgumentParser):
    """LightningCLI's parser with ``error`` and ``format_help`` replaced."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raises InputError with one sentence; inner parsers, whose errors others collect, stay as they are."""
        if not self.exit_on_error:
            return super().error(message, ex)
        if of_help := re.match(r"--(\S+)\.help: ", message):
            name = value_of(self.args, f"--{of_help[1]}.help") or ""
            raise InputError(_no_class(of_help[1], name)) from ex
        raise InputError(sentence(message)) from ex

    def keep_whole_numbers(self) -> None:
        """Has 1 read as 1 and not as 1.0 where an option takes both: one batch, or all of them.

        The parser tries the kinds in their order, and typing gives Optional[Union[int, float]] the order in which any
        module of the process wrote these two first.
        """
        for action in self._actions:
            kinds = get_args(getattr(action, "_typehint", None))
            if int in kinds and float in kinds:
                rest = tuple(kind for kind in kinds if kind is not int)
                action._typehint = Union[(int, *rest)]  # type: ignore[attr-defined]

    def format_help(self, formatter: Any = None) -> str:
        """The options of a run, one line each; of the Trainer's only the names."""
        if not any(action.dest == "run_dir" for action in self._actions):
            # The parser of a class has the name of a Python module, and knows what it belongs to only at the top.
            of_class = re.match(r"Help for --(model|data)\.help=(\S+)", self.description or "")
            form = "zoo fit --config FILE --{0} {1} [--{0}.KEY VALUE ...]"
            self.usage = form.format(*of_class.groups()) if of_class else argparse.SUPPRESS
            return super().format_help() if formatter is None else super().format_help(formatter)
        models = ", ".join(suggestions.models())
        trainer = [
            action.dest.removeprefix("trainer.")
            for action in self._actions
            if action.dest.startswith("trainer.") and not action.dest.endswith(".help")
        ]
        parts = [
            f"usage: {self.prog} --config FILE [--config FILE ...] [--KEY VALUE ...]",
            textwrap.fill(self.description or "", WIDTH),
            "\n".join(_own_options(self._actions)),
            "data and model, as in the YAML file (--data.batch_size 64, --model.optimizer.lr 0.1):",
            _filled(f"--data CLASS          {', '.join(DATA)}; --data.help CLASS says more"),
            _filled(f"--model CLASS         {models}; --model.help CLASS says more"),
            "trainer, Lightning's own (https://lightning.ai/docs/pytorch/stable/common/trainer.html):",
            textwrap.fill(", ".join(trainer), WIDTH, initial_indent="  ", subsequent_indent="  "),
        ]  # fmt: skip
        return "\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:6]) + "\n\n" + "\n".join(parts[6:]) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 24)


def _own_options(actions: Iterable[argparse.Action]) -> Iterable[str]:
    for action in actions:
        known = action.help not in (None, argparse.SUPPRESS) and action.option_strings and action.dest not in _OVERLAYS
        if known and "." not in action.dest and action.dest not in ("trainer", "model", "data"):
            name = action.option_strings[-1] + (f" {action.metavar}" if action.metavar else "")
            default = f" (default: {action.default})" if action.default not in (None, argparse.SUPPRESS) else ""
            yield f"  {name:<21} {HELP.get(action.dest, action.help)}{default}"


def sentence(message: str) -> str:
    """What jsonargparse says over several lines, as one sentence with the key's whole name and a way out."""
    if message.startswith("the following arguments are required"):
        return NOTHING
    keys = re.findall(r'Parser key "([^"]+)"', message)
    # The parser names a section that is no section twice.
    path = ".".join(dict.fromkeys(keys))
    if match := re.search(r"Group '([^']+)' does not accept option '([^']+)'", message):
        return suggestions.unknown_key(f"{match[1]}.{match[2]}")
    if match := re.search(r"Option '([^']+)' is not accepted|unrecognized arguments: --(\S+)", message):
        return suggestions.unknown_key(".".join(part for part in (path, match[1] or match[2].split("=")[0]) if part))
    if not keys:
        return " ".join(message.split())
    # The last key is the innermost; what follows it, up to the value, says what was expected there.
    about = message.rsplit(f'Parser key "{keys[-1]}"', maxsplit=1)[-1]
    if "Not of type NotEmptyStr" in message:
        return f"{path} is empty: {EMPTY}."
    return _of_value(path, about)


def _of_value(path: str, about: str) -> str:
    lacking = re.search(r"the following arguments are required: ([^\n]+)", about)
    if lacking and path != "trainer.logger":
        return _lacking(path, about, lacking[1])
    value = _given(about)
    expected = [
        _plain_type(text) for text in re.findall(r"Expected a (<class .+?>|typing\.\S.+?)(?:\. Got|\n|$)", about)
    ]
    kinds = [kind for kind in dict.fromkeys(expected) if kind != "nothing"]
    if kinds and path != "trainer.logger":
        return f"{path} must be {' or '.join(kinds)}, not {value}."
    return f"{path} cannot be {_wrong(path, value)}"


def _lacking(path: str, about: str, options: str) -> str:
    """Of a class that cannot be made without some options; those of people's own networks are typed as the model's."""
    owner = re.findall(r"Problem with given class_path '([^']+)'", about) or re.findall(r"class_path='([^']+)'", about)
    where = "model" if path == "model.network" else path
    added = " ".join(f"--{where}.{name.strip()} VALUE" for name in options.split(","))
    return f"{owner[0] if owner else path} cannot do without {options}: add {added}."


def _wrong(path: str, value: str) -> str:
    if path == "trainer.logger":
        return f"{value} as it is typed: {_LOGGERS}"
    name = value.strip("'\"")
    return f"{value}: {suggestions.choices(path, name)}"


def _no_class(path: str, name: str) -> str:
    """Of ``--model.help CLASS``, where the class is none, misspelt or one that does not fit there."""
    return f"There is no class {name!r} for --{path}.help: {suggestions.choices(path, name)}"


def _given(about: str) -> str:
    """The offending value, in quotes; a nested one arrives as NestedArg(key='batch_size', val='ten')."""
    patterns = (
        r"Given value: (?!NestedArg|Namespace)(.+?)(?:\. Got value|\n|$)",
        r"Got value: (?!NestedArg|Namespace)(.+?)(?:\n|$)",
        r"Namespace\(class_path='([^']+)'",
        r"NestedArg\(key=.+?, val=(.+?)\)(?:\n|$)",
    )
    found = next((match for pattern in patterns if (match := re.search(pattern, about))), None)
    return repr(found[1].strip().strip("'\"")) if found else "that"


def _plain_type(text: str) -> str:
    text = text.strip().removeprefix("typing.")
    if text.startswith("Literal["):
        return "one of " + text[len("Literal[") : -1].replace("'", "")
    text = text.removeprefix("<class '").removesuffix("'>")
    return {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "text",
        "NoneType": "nothing",
    }.get(text, text)
