"""``zoo completion bash|zsh|fish``: what makes the shell complete verbs, names and options with the Tab key."""

import json
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from zoo.catalog import DATA, networks_by_year
from zoo.commands import VERBS
from zoo.commands.options import Parser, Shown
from zoo.configs import find_config, list_configs
from zoo.errors import InputError

# Each asks this very command; where nothing fits, the shell offers files.
SCRIPTS = {
    "bash": """_zoo() {
    local IFS=$'\\n'
    COMPREPLY=($(zoo completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -o nosort -F _zoo zoo
""",
    "zsh": """#compdef zoo
_zoo() {
    local -a found
    found=("${(@f)$(zoo completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then compadd -Q -- $found; else _files; fi
}
if [[ "$funcstack[1]" = "_zoo" ]]; then _zoo "$@"; else compdef _zoo zoo; fi
""",
    "fish": """function __zoo_words
    set -l before (commandline -opc)
    zoo completion words -- $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c zoo -a '(__zoo_words)'
""",
}
HOW = """bash: zoo completion bash > ~/.local/share/bash-completion/completions/zoo
zsh:  zoo completion zsh > DIR/_zoo, where DIR is in $fpath
fish: zoo completion fish > ~/.config/fish/completions/zoo.fish"""
_FILE = Path(__file__).with_name("completions.json")
_WITH_CLASSES = ("data", "model", "model.optimizer", "model.schedule")


def run(verb: str, args: list[str]) -> int:
    """Prints the shell's script, or, for the script, the words that may stand where the cursor is."""
    if args[:2] == ["words", "--"]:
        for word in complete(args[2:] or [""]):
            print(word)
        return 0
    parser = Parser(
        prog=f"zoo {verb}", description="Print what makes a shell complete the words of zoo with the Tab key.\n" + HOW,
    )  # fmt: skip
    parser.add_argument("shell", choices=tuple(SCRIPTS))
    print(SCRIPTS[parser.parse_args(args).shell], end="")
    return 0


def complete(words: list[str]) -> list[str]:
    """What the last of the words after ``zoo`` may become; nothing where a file's name is wanted."""
    *before, current = words
    if not before:
        return _starting(current, [*VERBS, "--help", "--version"])
    verb, *before = before
    if VERBS.get(verb) == "train":
        return _starting(current, _of_training(before, current))
    if verb == "sweep":
        # Its own options, and all of fit's.
        return _starting(current, [*_of_verb(verb, before, current), *_of_training(before, current)])
    return _starting(current, _of_verb(verb, before, current)) if verb in VERBS else []


def _starting(current: str, candidates: list[str]) -> list[str]:
    return [word for word in candidates if word.startswith(current)]


def _of_training(before: list[str], current: str) -> list[str]:
    """The words for ``fit`` and its like: values of the option before, or options, which may have sections."""
    options = json.loads(_FILE.read_text(encoding="utf-8"))
    last = before[-1].removeprefix("--") if before and before[-1].startswith("--") else ""
    if last in ("config", "c"):
        # Of the beginning of a path the shell knows the files.
        return [] if current.startswith((".", "/", "~")) else list(list_configs())
    if last in ("ckpt_path", "init_from"):
        return _weights()
    if last in _WITH_CLASSES or last.removesuffix(".help") in ("data", "model"):
        return list(options[last.removesuffix(".help")])
    chosen = _chosen(before)
    known = _flat(options, chosen)
    if last and not current.startswith("--"):
        return known.get(last, [])
    return [f"--{name}" for name in known]


def _flat(options: dict[str, Any], chosen: dict[str, str]) -> dict[str, list[str]]:
    """The options of the chosen classes, or where there is none of all, by their whole names."""
    known = options["run"] | {f"trainer.{name}": values for name, values in options["trainer"].items()}
    for section in _WITH_CLASSES:
        classes = options[section]
        name = chosen.get(section, "").split(".")[-1]
        for one in [name] if name in classes else classes:
            known |= {f"{section}.{option}": values for option, values in classes[one].items()}
    return known


def _chosen(before: list[str]) -> dict[str, str]:
    """The classes that the words name, or else the config that they name."""
    chosen: dict[str, str] = {}
    for option, value in pairwise(before):
        name = option.removeprefix("--")
        if name in ("config", "c"):
            chosen = _classes_of(value) | chosen
        elif name in _WITH_CLASSES:
            chosen[name] = value
    return chosen


def _classes_of(config: str) -> dict[str, str]:
    try:
        content = yaml.safe_load(find_config(config).read_text(encoding="utf-8"))
        model = content["model"]
        found = {"data": content["data"], "model": model} | {
            f"model.{part}": model["init_args"][part]
            for part in ("optimizer", "schedule")
            if part in model.get("init_args", {})
        }
        return {section: one["class_path"] for section, one in found.items()}
    except (InputError, OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        # Half a word is no reason to complain.
        return {}


def _weights() -> list[str]:
    from zoo.weights.cards import list_weights

    return list_weights()


def _of_verb(verb: str, before: list[str], current: str) -> list[str]:
    """The words that a verb's own parser knows there, and the names that its arguments take."""
    actions = _parser(verb, before)._actions
    subparsers = next((action for action in actions if isinstance(action.choices, dict)), None)
    if subparsers is not None:
        chosen = next((word for word in before if word in subparsers.choices), None)
        if chosen is None:
            return list(subparsers.choices)
        actions = subparsers.choices[chosen]._actions
    for action in actions:
        if before and before[-1] in action.option_strings and action.nargs != 0:
            return _values(action)
    if current.startswith("-"):
        return [option for action in actions for option in action.option_strings if option.startswith("--")]
    return [value for action in actions if not action.option_strings for value in _values(action)]


def _values(action: Any) -> list[str]:
    """What an option or argument can be: its choices, or names of what the verbs call so."""
    if action.choices:
        return list(map(str, action.choices))
    if action.dest in ("weights", "name", "record"):
        return _weights()
    if action.dest == "network":
        return ["weights", *networks_by_year()]
    if action.dest == "table":
        from zoo.report.tables import CONTEST, SPEED
        from zoo.results.published import load

        return [*dict.fromkeys([*load().datasets, CONTEST, SPEED])]
    return list(DATA) if action.dest in ("dataset", "data") else []


def _parser(verb: str, words: list[str]) -> Any:
    """The parser of a verb, which the verb makes as soon as it is called."""
    Parser.shown = True
    try:
        import_module(f"zoo.commands.{VERBS[verb]}").run(verb, words)
    except Shown as shown:
        return shown.parser
    finally:
        Parser.shown = False
    raise AssertionError(f"zoo {verb} makes no parser")
