"""The words of the command line, completed before they are parsed: configs found, checked, or lent by a run.

No torch: what is wrong with the words themselves is said before the seconds that it takes to import it.
"""

import difflib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from zoo import runs, trusted, yaml_text
from zoo.configs import NOTHING, find_config
from zoo.errors import InputError
from zoo.files import given_path, is_utf8
from zoo.training.lent import OF_THE_CALL, check_lent
from zoo.training.yaml_text import known_class

TOP_KEYS = (
    "data", "model", "channels_last", "compile", "trainer", "seed_everything", "test", "wandb",
    "tensorboard", "mlflow", "run_dir", "ckpt_path", "init_from", "predictions", "resume",
    "save_every_n_steps", "save_every_n_minutes", "keep",
)  # fmt: skip


def checked(verb: str, words: list[str]) -> list[str]:
    """``words`` with every config found and looked at.

    Raises InputError where there are none, where an option has no value, a config is missing or no YAML, where a
    measuring verb has no checkpoint, or where options contradict each other.
    """
    if _asks_for_help(words):
        return list(_with_configs_found(words))
    words = [known_class(word) for word in words]
    for position, word in enumerate(words):
        _check_value(word, words[position + 1] if position + 1 < len(words) else None)
        _check_text(word, words[position - 1] if position else "")
        if word in ("--config", "-c"):
            words[position + 1] = str(_typed(words[position + 1]))
        elif word.startswith("--config="):
            words[position] = f"--config={_typed(word.removeprefix('--config='))}"
    checkpoint = value_of(words, "--ckpt_path")
    if verb != "fit" and checkpoint is None:
        raise InputError(f"zoo {verb} needs trained weights: add --ckpt_path with a run folder or a .ckpt file.")
    if checkpoint is not None and value_of(words, "--init_from") is not None:
        raise InputError(
            "--ckpt_path goes on with all weights of a run, and --init_from starts from some: leave out one of them."
        )
    resumed = value_of(words, "--resume")
    if resumed is not None:
        _check_resume(verb, resumed, words)
    if not words:
        raise InputError(NOTHING)
    return words


def complete(verb: str, words: list[str]) -> list[str]:
    """``words`` as ``checked`` leaves them; where none of them is a config, a checkpoint's run lends its own.

    Raises InputError as ``checked``, and where a lent config names what it may not.
    """
    words = checked(verb, words)
    if _asks_for_help(words):
        return words
    from zoo.training.own_classes import around_own_network, import_typed

    resumed, checkpoint = value_of(words, "--resume"), value_of(words, "--ckpt_path")
    own = None
    if not _has_config(words) and resumed is not None:
        own = Path(resumed) / runs.CONFIG
    elif not _has_config(words) and checkpoint is not None:
        own = runs.config_of(runs.find_checkpoint(checkpoint))
    if own is None:
        return around_own_network(words, import_typed(words, _all_values_of))
    check_lent(yaml_text.read_file(readable(str(own))), own, _all_values_of(words, "--trust"), own.parent)
    for module in _all_values_of(words, "--trust"):
        # What is installed, the parser finds by itself.
        if trusted.is_here(module):
            trusted.trust(module)
    return ["--config", str(own), *around_own_network(words, import_typed(words, _all_values_of), own)]


def _check_value(word: str, following: str | None) -> None:
    """Raises InputError where ``word`` is an option, and what follows is no value: some would be taken for None."""
    option = word == "-c" or (word.startswith("--") and "=" not in word)
    # Those that stand alone, or may.
    if not option or word == "--print_config" or word.endswith(".help"):
        return
    if following is None or following.startswith("--"):
        raise InputError(f"{word} has no value: write {word} and what it is to be, or leave it out.")


def _check_text(word: str, before: str) -> None:
    """Raises InputError where ``word`` would go into config.yaml and the Record, and cannot be written there."""
    option, _, _ = word.partition("=") if word.startswith("--") else (before, "", "")
    if not is_utf8(word) and option.lstrip("-") not in (*OF_THE_CALL, "c"):
        raise InputError(
            f"{option} {word!r} is not UTF-8, as the config and the Record of a run are: give a name that is, such as a"
            " link's."
        )


def _with_configs_found(words: list[str]) -> Iterator[str]:
    """``words`` up to the one that asks for help: the parser reads what stands before it, and nothing else."""
    for before, word in pairwise(["", *words]):
        if before in ("--config", "-c") and not word.startswith("-"):
            yield str(_typed(word))
        elif word.startswith("--config="):
            yield f"--config={_typed(word.removeprefix('--config='))}"
        else:
            yield word
        if _asks_for_help([word]):
            return


def _asks_for_help(words: list[str]) -> bool:
    return any(word in ("-h", "--help") for word in words)


def _has_config(words: list[str]) -> bool:
    return any(word in ("--config", "-c") or word.startswith("--config=") for word in words)


def _check_resume(verb: str, folder: str, words: list[str]) -> None:
    if verb != "fit":
        raise InputError(f"zoo {verb} cannot resume: --resume goes on with training; give --ckpt_path {folder} here.")
    for other in ("--ckpt_path", "--run_dir"):
        if value_of(words, other) is not None:
            raise InputError(f"--resume {folder} says both where the run is and where it goes on: leave out {other}.")
    if not _has_config(words) and not (given_path(folder) / runs.CONFIG).is_file():
        raise InputError(f"There is no run in {folder} to go on with: add --config to start one there.")


def value_of(words: list[str], option: str) -> str | None:
    """What the option is given; where it is typed twice, the last one wins, as in the parser."""
    return next(reversed(_all_values_of(words, option)), None)


def _all_values_of(words: list[str], option: str) -> list[str]:
    found = []
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == option and following is not None:
            found.append(following)
        elif word.startswith(f"{option}="):
            found.append(word.removeprefix(f"{option}="))
    return found


def _typed(name: str) -> Path:
    """``readable`` for a config that the user named: options typed as well would hide a trainer without keys."""
    path = readable(name)
    trainer = yaml_text.read_file(path).get("trainer", {})
    if not isinstance(trainer, dict):
        shown = "null" if trainer is None else trainer
        raise InputError(f"In {path} trainer must hold keys such as max_epochs, not be {shown}.")
    return path


def readable(name: str) -> Path:
    """The config file that ``name`` means; raises InputError with file, line and column where it is not YAML."""
    path = find_config(name)
    content = yaml_text.read_file(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no keys: a config has data, model and trainer.")
    for key in content:
        # The parser ignores an unknown key that has nothing below it.
        if key not in TOP_KEYS:
            near = difflib.get_close_matches(str(key), TOP_KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"a config has {', '.join(TOP_KEYS)}."
            raise InputError(f"{path} has the unknown key {key!r}: {hint}")
    return path
