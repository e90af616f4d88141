"""The verbs of the command line, one a file; ``zoo.cli`` imports the one that is meant."""

import shutil
import textwrap

_OWN = (
    "list", "info", "classify", "export", "table", "figure", "compare", "report", "benchmark", "reproduce", "data",
    "demo", "completion", "sweep", "runs",
)  # fmt: skip
#: The module that has each verb.
VERBS = {verb: verb for verb in _OWN} | dict.fromkeys(("fit", "validate", "test", "predict"), "train")

_WHAT = (
    ("fit --config lenet5_digits", "train a network, then measure it on the test set"),
    ("fit --resume RUN", "go on with a run that was stopped or killed"),
    ("sweep --config C --KEY V,V,...", "train every combination of some values, ranked on the held-out slice"),
    ("validate --ckpt_path RUN", "measure a checkpoint on the held-out slice of train"),
    ("test --ckpt_path RUN", "measure a checkpoint on the test set"),
    ("benchmark WEIGHTS ...", "measure networks under the papers' protocols: ten-crop, dense, multi-crop"),
    ("predict --ckpt_path RUN", "write a checkpoint's predictions on the test set"),
    ("list models|configs|data|weights", "what there is"),
    ("list runs", "the runs in this folder; zoo runs rm RUN removes some"),
    ("info NETWORK", "a network layer by layer: shapes, parameters, multiply-accumulates"),
    ("info weights NAME", "how trained weights came to be, and what they score"),
    ("classify WEIGHTS IMAGE...", "the likeliest classes of images, or of all images in folders"),
    (
        "export WEIGHTS --format FORM",
        "trained weights as safetensors, ONNX, torch.export program, hub folder, ConvNetJS",
    ),
    ("table [DATA]", "measured errors beside the published ones, with a verdict"),
    ("figure KIND WEIGHTS --output F", "what networks learnt and what was measured, as .png, .svg or .pdf"),
    ("compare RUN RUN ...", "runs side by side: errors, McNemar's test, cost, what differs, learning curves"),
    ("report NAME ... --output F.html", "one page: verdicts, curves, layers, what each network learnt, provenance"),
    ("reproduce RECORD|WEIGHTS", "run the experiment behind a number again: does it come back?"),
    (
        "data fetch|verify|prepare|info DATASET",
        "download a data set, find every broken file, scale it once, see what it holds",
    ),
    ("data stream ImageNet", "pack it for training from object storage"),
    ("demo", "the networks in a page: draw a digit, drop a picture, train in the browser"),
    ("completion bash|zsh|fish", "what makes the Tab key complete the words of this command"),
)
_AIM = "Re-run the history of image recognition, from the perceptron to VGG."
_MORE = "zoo VERB --help says more. RUN is a run folder such as runs/lenet5_digits/2026-01-31_12-00-00."
# Columns before what a verb does; narrower terminals have it on the lines below.
_INDENT, _INDENT_BELOW, _NARROW = 38, 6, 80


def help_text() -> str:
    """What ``zoo --help`` prints: as wide as the terminal, at most 120 columns."""
    width = max(40, min(120, shutil.get_terminal_size((100, 24)).columns))
    lines = ["usage: zoo VERB [options]", "", *textwrap.wrap(_AIM, width), ""]
    for words, what in _WHAT:
        call = f"  zoo {words}"
        indent = _INDENT if width >= _NARROW else _INDENT_BELOW
        told = [f"{'':{indent}}{line}" for line in textwrap.wrap(what, width - indent, break_on_hyphens=False)]
        if len(call) < indent - 1:
            call += told.pop(0)[len(call) :]
        lines += [call, *told]
    return "\n".join([*lines, "", *textwrap.wrap(_MORE, width), ""])
