"""A network as other programs read it: ONNX, and the programs of torch.export. Each form is written and read back.

Images float32 (N, C, H, W) with any N go in, logits float32 (N, num_classes) come out; one view, no softmax.
"""

import io
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from zoo import __version__
from zoo.errors import InputError
from zoo.models.network import Network

if TYPE_CHECKING:
    from torch.export import ExportedProgram

#: ONNX Runtime has read it since 1.17; every layer of the zoo is in it.
OPSET = 20
INPUT, OUTPUT = "images", "logits"
# What stores training images and compares with them, or computes outside torch: no graph of fixed operations.
_WITHOUT_GRAPH = {
    "nearest_neighbour": "its answer is a search through the training images that it stores",
    "eigenfaces": "its answer is a search through the training images that it stores",
    "hog_svm": "scikit-image computes its features, outside torch",
}

# The arguments of avg_pool2d that a call leaves out; the first two it never does.
_POOLING = (None, None, (), 0, False, True, None)

Run = Callable[[Tensor], Tensor]


class StoredInHalf(nn.Module):
    """A network whose weights are stored in 16 bits and widened when they are used: all computing stays in 32 bits.

    Biases, scales and running means, which are few, keep their 32 bits.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        # In a list, so that its own 32-bit numbers are none of this module's.
        self._network = [network]
        self._names = {key: key.replace(".", "/") for key in network.state_dict()}
        for key, tensor in network.state_dict().items():
            self.register_buffer(self._names[key], halved(tensor))

    def forward(self, images: Tensor) -> Tensor:
        """As the network, but for the rounding of its weights."""
        stored = {key: getattr(self, name) for key, name in self._names.items()}
        wide = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in stored.items()}
        logits: Tensor = functional_call(self._network[0], wide, (images,))
        return logits


def halved(tensor: Tensor) -> Tensor:
    """In float16 where it is made of weights: floating-point numbers with two or more dimensions."""
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor


def check_graph(network: Network, form: str) -> None:
    """Raises InputError where ``network`` cannot be a graph, or where the packages of ``form`` are not installed."""
    if network.name in _WITHOUT_GRAPH:
        reason = _WITHOUT_GRAPH[network.name]
        raise InputError(f"{network.name} cannot be exported to {form}, because {reason}: use --format safetensors.")
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if form == "onnx" and find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs the package {missing[0]}: pip install onnx onnxruntime onnxscript.")


def to_onnx(module: nn.Module, network: Network, metadata: Mapping[str, str]) -> bytes:
    """An ONNX file of opset ``OPSET`` whose ``metadata_props`` are ``metadata``; checked by onnx itself."""
    import onnx

    program = _program(module, network)
    _divisors_as_factors(program)
    with _quietly():
        exported = torch.onnx.export(
            program, dynamo=True, verbose=False, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT]
        )
    assert exported is not None
    proto = exported.model_proto
    _tidy(proto)
    proto.producer_name, proto.producer_version = "zoo", __version__
    proto.graph.name = f"{network.name} {network.variant}"
    onnx.helper.set_model_props(proto, dict(metadata))
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def run_onnx(content: bytes) -> Run:
    """The network of an ONNX file, through ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Not more threads than torch has been given, and no complaint about what only costs time.
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])


def to_program(module: nn.Module, network: Network, metadata: Mapping[str, str]) -> bytes:
    """A ``.pt2`` file: a program that ``torch.export.load`` reads without this package, ``metadata`` in zoo.json."""
    program = _program(module, network)
    for node in program.graph.nodes:
        # They name the files of the machine that exported.
        node.meta.pop("stack_trace", None)
    from torch.export import save

    buffer = io.BytesIO()
    save(program, buffer, extra_files={"zoo.json": json.dumps(dict(metadata), ensure_ascii=False)})
    return buffer.getvalue()


def run_program(content: bytes) -> Run:
    """The network of a ``.pt2`` file."""
    from torch.export import load

    module: Run = load(io.BytesIO(content)).module()
    return module


def _program(module: nn.Module, network: Network) -> "ExportedProgram":
    """The module as a graph, for batches of any size."""
    # Imported here, for it brings in torch's compiler, which other forms need not wait for.
    from torch._dynamo.exc import UserError
    from torch.export import Dim, export

    # Two images: one would be taken for a size that never changes.
    example = torch.zeros(2, *network.input_shape)
    with _quietly():
        try:
            return export(module, (example,), dynamic_shapes=({0: Dim("batch")},))
        except UserError:
            # torch 2.11 cannot prove that a local layer takes any number of images, though it does.
            return export(module, (example,), dynamic_shapes=({0: Dim.DYNAMIC},))


def _divisors_as_factors(program: "ExportedProgram") -> None:
    """Makes each average pooling with a divisor of its own one without, times a factor.

    The exporter to ONNX ignores the divisor without a word.
    """
    for node in program.graph.find_nodes(op="call_function", target=torch.ops.aten.avg_pool2d.default):
        arguments: list[Any] = [*node.args, *_POOLING[len(node.args) :]]
        _, kernel, _, _, ceil_mode, with_padding, divisor = arguments
        if divisor is None:
            continue
        if not with_padding or ceil_mode:
            raise NotImplementedError("a window that is cut off has fewer pixels than the factor says")
        node.args = node.args[:6]
        with program.graph.inserting_after(node):
            scaled = program.graph.call_function(torch.ops.aten.mul.Tensor, (node, math.prod(kernel) / divisor))
        scaled.meta["val"] = node.meta["val"]
        node.replace_all_uses_with(scaled, delete_user_cb=lambda user, scaled=scaled: user is not scaled)
    program.graph_module.recompile()


def _tidy(proto: Any) -> None:
    """Removes the exporter's remarks, which name the files of the machine that exported, and names the batch."""
    graph, batch = proto.graph, proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for part in (*graph.node, *graph.input, *graph.output, *(node for f in proto.functions for node in f.node)):
        del part.metadata_props[:]
    # What is known of the values in between, whoever reads the file finds again.
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == batch:
                dim.dim_param = "batch"


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's notices to its own developers, and without gradients."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # torch's own use of a function that is going away.
            warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
            yield
    finally:
        logger.setLevel(level)
