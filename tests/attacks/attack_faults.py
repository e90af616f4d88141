"""Commands with one fault each, put through the runner: python attack_faults.py FOUND.json."""

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import attack_calls
import attack_runner
from attack_corpus import Case
from attack_stock import Stock

from zoo.errors import InputError

SENTENCE = "data.batch_size must be at least 1, not 0."


def _refuse(sentence: str = SENTENCE) -> None:
    raise InputError(sentence)


def _spin() -> None:
    while True:
        pass


def _leave(name: str, text: str = "", refused: bool = True) -> None:
    Path(name).write_text(text)
    if refused:
        _refuse()


def _say(*lines: str) -> None:
    print("\n".join(lines), file=sys.stderr)
    _refuse()


FAULTS = {
    "traceback": lambda: {}["data"],
    "hang": lambda: time.sleep(1000),
    "spin": _spin,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "accepts": lambda: None,
    "says nothing": lambda: os._exit(2),
    "says too much": lambda: _say("UserWarning: something"),
    "says twice": lambda: _say("zoo: a first sentence, and then another one."),
    "names nothing": lambda: _refuse("Something is wrong with your input, sorry."),
    "leaves a file": lambda: _leave("new.json", "{}"),
    "leaves half a file": lambda: _leave(".x.part", "half", refused=False),
    "leaves half a row": lambda: _leave("metrics.csv", "epoch,step\n0,", refused=False),
    "leaves an empty file": lambda: _leave("record.json", refused=False),
    "changes a file": lambda: _leave("kept.txt", "other"),
    "leaves a temporary file": lambda: (tempfile.mkstemp(), _refuse()),
    "runs code": lambda: (Path(attack_runner.CANARY).mkdir(), _refuse()),
    "takes all memory": lambda: bytearray(64 << 30),
    "as it should": _refuse,
}


def main(target: str) -> None:
    attack_calls.CALLS |= {f"!{name}": call for name, call in FAULTS.items()}
    attack_runner.MOST_CPU, attack_runner.MOST_SLEEP = 1.0, 2.0
    with tempfile.TemporaryDirectory() as place:
        stock = Stock(Path(place, "stock"))
        found = {}
        for name in FAULTS:
            accepted = name in ("leaves half a file", "leaves half a row", "leaves an empty file")
            case = Case(
                name, "words", [f"!{name}"], "accepted" if accepted else "refused",
                says=() if accepted else ("batch_size",), files={"kept.txt": "kept"},
            )  # fmt: skip
            found[name] = attack_runner.run(case, stock, Path(place)).faults
    Path(target).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
