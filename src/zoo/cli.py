"""The ``zoo`` command: finds out which verb is meant, and imports only what that verb needs."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from zoo import __version__
from zoo.errors import InputError, Stopped

HELP = """usage: zoo VERB [options]

Re-run the history of image recognition, from the perceptron to VGG.

  zoo fit --config lenet5_digits      train a network, then measure it on the test set
  zoo fit --resume RUN                go on with a run that was stopped or killed
  zoo validate --ckpt_path RUN        measure a checkpoint on the held-out slice of train
  zoo test --ckpt_path RUN            measure a checkpoint on the test set
  zoo benchmark WEIGHTS ...           measure networks under the papers' protocols: ten-crop, dense, multi-crop
  zoo predict --ckpt_path RUN         write a checkpoint's predictions on the test set
  zoo list models|configs|data|weights  what there is
  zoo info NETWORK                    a network layer by layer: shapes, parameters, multiply-accumulates
  zoo info weights NAME               how trained weights came to be, and what they score
  zoo classify WEIGHTS IMAGE...       the likeliest classes of pictures, or of all pictures in folders
  zoo export WEIGHTS --format FORM    trained weights as safetensors, ONNX, torch.export program, hub folder, ConvNetJS
  zoo table [DATA]                    measured errors beside the published ones, with a verdict
  zoo reproduce RECORD                run a Record's experiment again: does its number come back?
  zoo data fetch|verify|prepare|info DATASET
                                      download a data set, find every broken file, scale it once, see what it holds
  zoo data stream ImageNet            pack it for training from object storage

zoo VERB --help says more. RUN is a run folder such as runs/lenet5_digits/2026-01-31_12-00-00.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, or 2 with one sentence on standard error for bad input.

    ``zoo data verify`` returns 1 where it found faults, ``zoo reproduce`` where the number did not come back; a run
    that a signal stopped 128 and the signal's number.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    verbs: dict[str, Callable[[list[str]], int]] = {"list": _list, "info": _info, "table": _table, "data": _data}
    verbs["benchmark"] = _benchmark
    verbs["reproduce"] = _reproduce
    verbs |= {verb: partial(_train, verb) for verb in ("fit", "validate", "test", "predict")}
    verbs |= {"classify": _classify, "export": _export}
    texts = {"--help": HELP, "--version": f"zoo {__version__}\n"}
    if not words or words[0] in ("-h", "--help", "help"):
        words = ["--help"]
    if words[0] in texts:
        print(texts[words[0]], end="")
        return 0
    try:
        if words[0] not in verbs:
            raise InputError(f"There is no verb {words[0]!r}: zoo --help shows the verbs.")
        return verbs[words[0]](words[1:])
    except InputError as error:
        # An error of a loader's worker arrives with that process's traceback around the sentence.
        print(f"zoo: {str(error).strip().splitlines()[-1].split('InputError: ')[-1]}", file=sys.stderr)
        return 2
    except (Stopped, KeyboardInterrupt) as stop:
        # Of several processes one has something to say.
        if str(stop):
            print(f"zoo: {stop}", file=sys.stderr)
        return getattr(stop, "status", 130)
    except BrokenPipeError:
        # "zoo list configs | head" closes our output early; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(f"{message[0].upper()}{message[1:]}: {self.prog} --help says more.")


def _list(args: list[str]) -> int:
    parser = _Parser(prog="zoo list", description="Show what the zoo holds.")
    parser.add_argument("what", choices=("models", "configs", "data", "weights"))
    what = parser.parse_args(args).what
    if what == "configs":
        from zoo.configs import list_configs

        rows = list_configs()
    elif what == "weights":
        from zoo.weights.show import listed

        rows = listed()
    else:
        from zoo.catalog import DATA, NETWORKS

        described = {name: f"{e.year}  {e.summary} ({', '.join(e.variants)})" for name, e in NETWORKS.items()}
        rows = described if what == "models" else DATA
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:<{width}}  {text}")
    return 0


def _info(args: list[str]) -> int:
    if args[:1] == ["weights"]:
        return _info_weights(args[1:])
    parser = _Parser(prog="zoo info", description="Show a network layer by layer.")
    parser.add_argument("network", metavar="NETWORK", help="a name from: zoo list models")
    parser.add_argument("--variant", help="another form than the default")
    parser.add_argument("--input-size", type=int, metavar="N", help="images of N x N pixels")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(args)
    from zoo.report.network import describe, render

    description = describe(options.network, options.variant, options.input_size)
    if options.json:
        import json

        print(json.dumps(description, indent=2))
    else:
        render(description)
    return 0


def _classify(args: list[str]) -> int:
    parser = _Parser(
        prog="zoo classify",
        description="Show the likeliest classes of pictures: one view each, through the preprocessing that the weights"
        " were trained with. Networks of handwritten digits expect what MNIST holds, light ink on black.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a name from: zoo list weights, a run folder or a file")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="pictures of any format and size, or folders of them"
    )
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many classes (default: 5)")
    parser.add_argument("--invert", action="store_true", help="look at the negatives: for dark ink on light paper")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(args)
    from zoo import weight_verbs

    return weight_verbs.classify(options.weights, options.images, options.top, options.invert, options.json)


def _export(args: list[str]) -> int:
    parser = _Parser(
        prog="zoo export",
        description="Write trained weights for other programs. What was written is read back and must give the"
        " network's logits on real and on random images, or nothing is left.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a name from: zoo list weights, a run folder or a file")
    parser.add_argument(
        "--format", required=True, choices=("safetensors", "onnx", "torch-export", "hub", "convnetjs"),
        help="tensors with a JSON card; ONNX; a program for torch.export.load; a folder as Hugging Face has them; of"
        " the network convnetjs, the JSON that the page of ConvNetJS loads",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="the file, for hub the folder (default: named after the weights)"
    )
    parser.add_argument("--half", action="store_true", help="store the weights in 16 bits; computing stays in 32")
    options = parser.parse_args(args)
    from zoo import weight_verbs

    return weight_verbs.write(options.weights, options.format, options.output, options.half)


def _info_weights(args: list[str]) -> int:
    parser = _Parser(prog="zoo info weights", description="Show how trained weights came to be, and what they score.")
    parser.add_argument("name", metavar="NAME", help="a name from: zoo list weights; a run folder or a file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(args)
    from zoo.weights.show import as_json, card_of, render

    card = card_of(options.name)
    if options.json:
        print(as_json(card))
    else:
        render(card)
    return 0


def _table(args: list[str]) -> int:
    parser = _Parser(prog="zoo table", description="Show measured errors beside the published ones, with a verdict.")
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="imagenet, cifar10, mnist, ..., ilsvrc or speed; default: all"
    )
    parser.add_argument("--format", default="md", choices=("md", "csv", "latex", "html", "json"))
    parser.add_argument("--records", metavar="DIR", help="where the Records are: a checkout's own, otherwise runs/")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    parser.add_argument("--chart", metavar="FILE", help="draw it as well, as .png or .svg")
    options = parser.parse_args(args)
    from pathlib import Path

    from zoo.report.tables import document

    records = Path(options.records) if options.records is not None else None
    text = document(options.data, options.format, records)
    if options.chart is not None:
        from zoo.report.chart import draw

        draw(options.data, Path(options.chart), records)
    if options.output is None:
        sys.stdout.write(text)
    else:
        try:
            Path(options.output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"Cannot write {options.output}: {error.strerror}.") from error
    return 0


def _benchmark(args: list[str]) -> int:
    from zoo.benchmark.command import run

    return run(_Parser(prog="zoo benchmark"), args)


def _reproduce(args: list[str]) -> int:
    from zoo.reproduce import run

    return run(_Parser(prog="zoo reproduce"), args)


def _data(args: list[str]) -> int:
    from zoo.data_verbs import run

    return run(_Parser(prog="zoo data"), args)


def _train(verb: str, args: list[str]) -> int:
    from zoo import training

    outcome = training.main(verb, args)
    if outcome is not None:
        from zoo.report.summary import print_outcome

        print_outcome(outcome.run_dir, outcome.record, outcome.metrics)
    return 0
