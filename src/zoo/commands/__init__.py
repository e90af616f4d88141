"""The verbs of the command line, one a file; ``zoo.cli`` imports the one that is meant."""

_OWN = (
    "list", "info", "classify", "export", "table", "figure", "compare", "report", "benchmark", "reproduce", "data",
    "demo", "completion", "sweep", "runs",
)  # fmt: skip
#: The module that has each verb.
VERBS = {verb: verb for verb in _OWN} | dict.fromkeys(("fit", "validate", "test", "predict"), "train")

HELP = """usage: zoo VERB [options]

Re-run the history of image recognition, from the perceptron to VGG.

  zoo fit --config lenet5_digits      train a network, then measure it on the test set
  zoo fit --resume RUN                go on with a run that was stopped or killed
  zoo sweep --config C --KEY V,V,...  train every combination of some values, ranked on the held-out slice
  zoo validate --ckpt_path RUN        measure a checkpoint on the held-out slice of train
  zoo test --ckpt_path RUN            measure a checkpoint on the test set
  zoo benchmark WEIGHTS ...           measure networks under the papers' protocols: ten-crop, dense, multi-crop
  zoo predict --ckpt_path RUN         write a checkpoint's predictions on the test set
  zoo list models|configs|data|weights  what there is
  zoo list runs                       the runs in this folder; zoo runs rm RUN removes some
  zoo info NETWORK                    a network layer by layer: shapes, parameters, multiply-accumulates
  zoo info weights NAME               how trained weights came to be, and what they score
  zoo classify WEIGHTS IMAGE...       the likeliest classes of images, or of all images in folders
  zoo export WEIGHTS --format FORM    trained weights as safetensors, ONNX, torch.export program, hub folder, ConvNetJS
  zoo table [DATA]                    measured errors beside the published ones, with a verdict
  zoo figure KIND WEIGHTS --output F  what networks learnt and what was measured, as .png, .svg or .pdf
  zoo compare RUN RUN ...             runs side by side: errors, McNemar's test, cost, what differs, learning curves
  zoo report NAME ... --output F.html  one page: verdicts, curves, layers, what each network learnt, provenance
  zoo reproduce RECORD|WEIGHTS        run the experiment behind a number again: does it come back?
  zoo data fetch|verify|prepare|info DATASET
                                      download a data set, find every broken file, scale it once, see what it holds
  zoo data stream ImageNet            pack it for training from object storage
  zoo demo                            the networks in a page: draw a digit, drop a picture, train in the browser
  zoo completion bash|zsh|fish        what makes the Tab key complete the words of this command

zoo VERB --help says more. RUN is a run folder such as runs/lenet5_digits/2026-01-31_12-00-00.
"""
