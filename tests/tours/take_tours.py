"""Takes tours with the zoo that is installed, each in a folder of its name: python -P take_tours.py TOUR.md ...

A tour is a page of what a user types in an empty folder. Its fenced blocks say what they are:

    ```sh                  commands of zoo and Python
    ```python              what is typed to Python
    ```python mine.py      a file of the user's, of that name
    ```text                what the block before prints, and ends with status 0
    ```text status 2       the same, with another status of its last command

and a line ``Files: examples/digit.png`` names files of the repository that the user has brought along. Every command
runs in a fork of this process, which has imported what takes seconds. Prints JSON: where zoo was imported from, and of
each tour its steps: what was typed, the exit statuses and what was printed.
"""

import importlib
import json
import os
import re
import shlex
import shutil
import sys
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "lightning.pytorch.cli", "torchvision.transforms", "sklearn.datasets", "sklearn.model_selection", "torch.export",
    "huggingface_hub", "zoo.training.verbs", "zoo.data", "zoo.weights.pretrained", "zoo.benchmark.verb",
)  # fmt: skip


def blocks(page: Path) -> list[tuple[list[str], str]]:
    """The fenced blocks of a page: the words behind the fence, and the text."""
    found = re.findall(r"^```(.+)\n((?:.*\n)*?)```$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(words.split(), text) for words, text in found]


def take(page: Path) -> list[dict]:
    """What became of each step of a tour, in a new folder."""
    folder, steps = Path(page.stem).resolve(), []
    folder.mkdir()
    for names in re.findall(r"^Files: (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        for name in names.split(", "):
            shutil.copy(ROOT / name, folder)
    for words, text in blocks(page):
        match words:
            case ["sh"]:
                steps.append(step(folder, [shlex.split(line) for line in text.replace("\\\n", "").splitlines()], text))
            case ["python"]:
                steps.append(step(folder, [["python", "-c", text]], text))
            case [_, name] if name != "status":
                (folder / name).write_text(text, encoding="utf-8")
    return steps


def step(folder: Path, commands: list[list[str]], typed: str) -> dict:
    """Runs commands one after another."""
    outcomes = [forked(folder, words) for words in commands]
    return {
        "typed": typed,
        "statuses": [status for status, _ in outcomes],
        "printed": "".join(printed for _, printed in outcomes),
    }


def forked(folder: Path, words: list[str]) -> tuple[int, str]:
    """The exit status of a command, and all that it prints."""
    output = folder.with_name("output.txt")
    child = os.fork()
    if not child:
        status = 1
        try:
            log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(folder)
            status = run(words)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), output.read_text(encoding="utf-8")


def run(words: list[str]) -> int:
    """Does what the words would do in a process of their own."""
    match words:
        case ["zoo", *rest]:
            return importlib.import_module("zoo.cli").main(rest)
        case ["python", "-c", code]:
            sys.path.insert(0, "")
            name = "<typed>"
        case ["python", name]:
            code = Path(name).read_text(encoding="utf-8")
        case _:
            raise ValueError(f"A tour knows zoo and python, not {words}.")
    exec(compile(code, name, "exec"), {"__name__": "__main__"})
    return 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for module in HEAVY:
        importlib.import_module(module)
    sys.modules["torch"].set_num_threads(1)
    tours = {Path(page).stem: take(Path(page)) for page in sys.argv[1:]}
    print(json.dumps({"zoo": sys.modules["zoo"].__file__, "tours": tours}))
