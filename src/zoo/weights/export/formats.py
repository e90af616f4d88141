"""The formats that trained weights are exported in: whatever is true of one but how it is written; no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """What a file of it ends in, nothing where it is a folder, and the words of ``zoo export --help``."""

    ending: str
    summary: str


#: By the words of ``--format``; a network that becomes a graph is written and read back by ``write.GRAPHS``.
FORMATS = {
    "safetensors": Format(".safetensors", "tensors with a JSON card"),
    "onnx": Format(".onnx", "ONNX"),
    "torch-export": Format(".pt2", "a program for torch.export.load"),
    "hub": Format("", "a folder as Hugging Face has them"),
    "convnetjs": Format(".json", "of the network convnetjs, the JSON that the page of ConvNetJS loads"),
    "page": Format(".json", "of MNIST or CIFAR-10, a file to add to the page of zoo demo"),
}
