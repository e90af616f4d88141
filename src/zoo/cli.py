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
  zoo predict --ckpt_path RUN         write a checkpoint's predictions on the test set
  zoo list models|configs|data        what there is
  zoo info NETWORK                    a network layer by layer: shapes, parameters, multiply-accumulates
  zoo table [DATA]                    measured errors beside the published ones, with a verdict
  zoo data fetch|verify|prepare|info DATASET
                                      download a data set, find every broken file, scale it once, see what it holds
  zoo data stream ImageNet            pack it for training from object storage

zoo VERB --help says more. RUN is a run folder such as runs/lenet5_digits/2026-01-31_12-00-00.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, or 2 with one sentence on standard error for bad input.

    ``zoo data verify`` returns 1 where it found faults; a run that a signal stopped 128 and the signal's number.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    verbs: dict[str, Callable[[list[str]], int]] = {"list": _list, "info": _info, "table": _table, "data": _data}
    verbs |= {verb: partial(_train, verb) for verb in ("fit", "validate", "test", "predict")}
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
    parser.add_argument("what", choices=("models", "configs", "data"))
    what = parser.parse_args(args).what
    if what == "configs":
        from zoo.configs import list_configs

        rows = list_configs()
    else:
        from zoo.catalog import DATA, NETWORKS

        described = {name: f"{e.year}  {e.summary} ({', '.join(e.variants)})" for name, e in NETWORKS.items()}
        rows = described if what == "models" else DATA
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:<{width}}  {text}")
    return 0


def _info(args: list[str]) -> int:
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


def _table(args: list[str]) -> int:
    parser = _Parser(prog="zoo table", description="Show measured errors beside the published ones, with a verdict.")
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="imagenet, cifar10, mnist, ..., or ilsvrc; default: all"
    )
    parser.add_argument("--format", default="md", choices=("md", "csv", "latex", "html", "json"))
    parser.add_argument("--records", metavar="DIR", help="where the Records are: a checkout's own, otherwise runs/")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    options = parser.parse_args(args)
    from pathlib import Path

    from zoo.report.tables import document

    text = document(options.data, options.format, Path(options.records) if options.records is not None else None)
    if options.output is None:
        sys.stdout.write(text)
    else:
        try:
            Path(options.output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"Cannot write {options.output}: {error.strerror}.") from error
    return 0


def _data_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="zoo data", description="Fetch a data set, check it, see what it holds.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="fetch|verify|prepare|info|stream")
    parsers = {
        verb: verbs.add_parser(verb, help=text, description=text)
        for verb, text in (
            ("fetch", "Download CIFAR10 or MNIST; put a flat val/ of ImageNet into class folders."),
            ("verify", "Find every broken, misplaced or odd image; exit status 1 where there are faults."),
            ("prepare", "Scale every picture once, for training at full speed; find mean and principal components."),
            ("info", "Show counts, sizes and fingerprint; draw augmented training images."),
            ("stream", "Pack the files of ImageNet into chunks, for training from object storage."),
        )
    }
    for sub in parsers.values():
        sub.add_argument("dataset", metavar="DATASET", help="a name from: zoo list data")
        sub.add_argument("--root", default="data", metavar="DIR", help="the folder that holds it (default: data)")
    labels_help = "the classes of ImageNet's val/, where they are not in an official file in the root"
    parsers["fetch"].add_argument("--labels", metavar="FILE", help=labels_help)
    check, make, show = parsers["verify"], parsers["prepare"], parsers["info"]
    check.add_argument("--workers", type=int, metavar="N", help="processes that decode (default: one a core)")
    check.add_argument("--manifest", metavar="FILE", help="where to write the list of files instead of ~/.cache/zoo")
    check.add_argument("--output", metavar="REPORT.json", help="write all that was found as JSON")
    make.add_argument("--size", type=int, metavar="N", help="pixels of the short side (default: 256)")
    make.add_argument(
        "--warp", action="store_true", help="scale both sides, whatever the shape, as Caffe's nets want it"
    )
    make.add_argument("--output", metavar="DIR", help="where the store goes (default: prepared-N in the root)")
    make.add_argument("--workers", type=int, metavar="N", help="processes that decode (default: one a core)")
    show.add_argument("--transform", metavar="NAME", help="the preprocessing that the contact sheet shows")
    show.add_argument("--output", metavar="SHEET.png", help="write a contact sheet of augmented training images")
    parsers["stream"].add_argument("--output", required=True, metavar="DIR", help="the folder to pack them into")
    return parser


def _data(args: list[str]) -> int:
    options = _data_parser().parse_args(args)
    from zoo import data_verbs

    name = data_verbs.dataset_named(options.dataset)
    if options.verb == "verify":
        return data_verbs.verify(name, options.root, options.workers, options.manifest, options.output)
    if options.verb == "stream":
        return data_verbs.stream(name, options.root, options.output)
    if options.verb == "prepare":
        return data_verbs.prepare(name, options.root, options.size, options.warp, options.output, options.workers)
    if options.verb == "info":
        return data_verbs.info(name, options.root, options.transform, options.output)
    return data_verbs.fetch(name, options.root, options.labels)


def _train(verb: str, args: list[str]) -> int:
    from zoo import training

    outcome = training.main(verb, args)
    if outcome is not None:
        from zoo.report.summary import print_outcome

        print_outcome(outcome.run_dir, outcome.record, outcome.metrics)
    return 0
