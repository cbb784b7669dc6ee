"""The four artifacts of onnxruntime's on-device training, from a forward graph.

In the forward graph, trainable tensors are inputs: `tokens [B, N, D]`, `normalizer [2, P]`, `adapters.*` and
`head [C, P + 1]` give `logits [B, C]`. onnxruntime requires initializers of fixed shapes instead: the head is
padded to `max_classes` rows, and `class_mask [max_classes]` is added to the logits: 0, or −50 for a row
without a class. (With far lower values, probabilities become denormal numbers, slow on some processors.) The
loss is −Σ targets · log_softmax / Σ targets, as in the portable step.

The artifacts contain AdamW without weight decay. Decay is decoupled: the caller multiplies the parameters by
1 − learning_rate · weight_decay before each step, as torch does.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.training import artifacts, onnxblock

from edgecl.errors import ExportError

from ..onnx_graph.graph import IR_VERSION

ARTIFACTS = ("training_model.onnx", "eval_model.onnx", "optimizer_model.onnx", "checkpoint")
DATA_INPUTS = ("tokens", "normalizer")
NEWEST_OPSET = 21
EPSILON = 1e-8
TORCH_ADAM_MODE = 0  # epsilon is added after the bias correction, and decay comes first; 1 is Hugging Face's
STDERR = 2  # file descriptor
Types = dict[str, onnx.TypeProto.Tensor]


def write_artifacts(forward: ModelProto, folder: Path, max_classes: int = 64) -> tuple[Path, ...]:
    """Write `ARTIFACTS` to a folder; return their paths.

    Raises:
        ExportError: the opset is newer than onnxruntime-training 1.19 supports, or a node cannot be
            differentiated.
    """
    _check_opset(forward)
    model = deepcopy(forward)
    trainables = _convert_trainables(model.graph, max_classes)
    _replace_splits(model)
    _separate_layer_norms(model.graph)
    _append_loss(model.graph, max_classes)
    folder.mkdir(parents=True, exist_ok=True)
    _generate(model, trainables, folder)
    for name in ARTIFACTS[:3]:
        _finish(folder / name)
    return tuple(folder / name for name in ARTIFACTS)


def _generate(model: ModelProto, trainables: list[str], folder: Path) -> None:
    optimizer = onnxblock.optim.AdamW(eps=EPSILON, weight_decay=0.0)
    try:
        with _silence_stderr():
            artifacts.generate_artifacts(model, trainables, optimizer=optimizer, artifact_directory=folder)
    except RuntimeError as error:
        raise ExportError(
            f"onnxruntime-training cannot differentiate the forward graph: {error}",
            "export the bundle without the engine ort-training",
        ) from error


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Redirect stderr to /dev/null: onnxruntime logs every graph pass there, whatever the log level."""
    sys.stderr.flush()
    original = os.dup(STDERR)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, STDERR)
        yield
    finally:
        os.dup2(original, STDERR)
        os.close(null)
        os.close(original)


def _check_opset(model: ModelProto) -> None:
    opset = max(entry.version for entry in model.opset_import if entry.domain == "")
    if opset > NEWEST_OPSET:
        raise ExportError(
            f"the forward graph has opset {opset}, onnxruntime-training supports {NEWEST_OPSET} at most",
            "export the adapter with opset 18",
        )


def _convert_trainables(graph: GraphProto, max_classes: int) -> list[str]:
    """Convert trainable inputs to initializers of zeros; return their names.

    A task's values come with its blob. onnxruntime does not merge the equal initializers: it converts them
    back to inputs before it optimises the graph.
    """
    trainables = [value for value in graph.input if value.name not in DATA_INPUTS]
    for value in trainables:
        shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        if value.name == "head":
            shape[0] = max_classes
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(np.zeros(shape, np.float32), value.name))
    del graph.value_info[:]  # their shapes are those of the unpadded head
    return [value.name for value in trainables]


def _replace_splits(model: ModelProto) -> None:
    """Replace each Split by one Slice per used output.

    onnxruntime's gradient of a Split skips unused outputs and shifts the gradients of the others, silently.
    """
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    types = {value.name: value.type.tensor_type for value in [*inferred.value_info, *inferred.output]}
    graph, nodes = model.graph, list(model.graph.node)
    used = {name for node in nodes for name in node.input} | {value.name for value in graph.output}
    del graph.node[:]
    for node in nodes:
        graph.node.extend(_make_slices(graph, node, types, used) if node.op_type == "Split" else [node])


def _make_slices(graph: GraphProto, split: NodeProto, types: Types, used: set[str]) -> list[NodeProto]:
    axis = next((item.i for item in split.attribute if item.name == "axis"), 0)
    sizes = [types[output].shape.dim[axis].dim_value for output in split.output]
    if 0 in sizes:
        raise ExportError(f"the sizes of the Split '{split.name}' are not constant", "split into fixed sizes")
    slices = []
    for output, bounds in zip(split.output, pairwise(np.cumsum([0, *sizes])), strict=True):
        if output in used:
            names = [f"{output}.{part}" for part in ("start", "end", "axis")]
            values = [np.array([value], np.int64) for value in (*bounds, axis)]
            graph.initializer.extend(map(numpy_helper.from_array, values, names))
            slices.append(helper.make_node("Slice", [split.input[0], *names], [output], f"{output}.slice"))
    return slices


def _separate_layer_norms(graph: GraphProto) -> None:
    """Give each LayerNormalization its own constants and the optional outputs mean and 1/std.

    The exporter shares equal constants among nodes; onnxruntime would then define the same gradient twice.
    Its gradient needs the optional outputs.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "LayerNormalization":
            name = node.output[0]
            node.output[1:] = [f"{name}.mean", f"{name}.inv_std"]
            for place, part in enumerate(node.input[1:], start=1):
                node.input[place] = f"{name}.constant{place}"
                values = numpy_helper.to_array(constants[part])
                graph.initializer.append(numpy_helper.from_array(values, node.input[place]))


def _append_loss(graph: GraphProto, max_classes: int) -> None:
    """Append mask and loss; the outputs become `loss []` and `masked_logits [B, max_classes]`."""
    for name, shape in (("class_mask", [max_classes]), ("targets", ["batch", max_classes])):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    graph.node.extend(
        [
            helper.make_node("Add", ["logits", "class_mask"], ["masked_logits"]),
            helper.make_node("LogSoftmax", ["masked_logits"], ["log_probabilities"], axis=-1),
            helper.make_node("Mul", ["targets", "log_probabilities"], ["log_likelihoods"]),
            helper.make_node("ReduceSum", ["log_likelihoods"], ["log_likelihood"], keepdims=0),
            helper.make_node("ReduceSum", ["targets"], ["target_mass"], keepdims=0),
            helper.make_node("Div", ["log_likelihood", "target_mass"], ["mean_log_likelihood"]),
            helper.make_node("Neg", ["mean_log_likelihood"], ["loss"]),
        ]
    )
    del graph.output[:]
    for name, shape in (("loss", []), ("masked_logits", ["batch", max_classes])):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _finish(path: Path) -> None:
    """Rewrite a model file with our IR version, without unused domains, and with torch's form of AdamW."""
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    domains = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    for node in model.graph.node:
        if node.op_type == "AdamWOptimizer":
            next(item for item in node.attribute if item.name == "adam_mode").i = TORCH_ADAM_MODE
    onnx.save(model, path)
