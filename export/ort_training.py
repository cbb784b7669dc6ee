"""Forward ONNX → the four artifacts of onnxruntime's on-device training.

The forward graph has its trainables as named inputs: `tokens [B, N, D]`, `normalizer [2, P]`, `adapters.*`
and `head [C, P + 1]` give `logits [B, C]`. onnxruntime wants them as initialisers of a fixed shape, so the
head is padded to `max_classes` rows, and `class_mask [max_classes]` (0, or −1e9 for a row without a class)
is added to the logits. The loss is −Σ targets · log_softmax / Σ targets, as in the portable step.

The artifacts hold AdamW with no weight decay: it is decoupled, so whoever trains multiplies the parameters by
1 − learning_rate · weight_decay before each step, which is what torch does and allows any value at any step.
"""

from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.training import artifacts, onnxblock

from edgecl.errors import ExportError

ARTIFACTS = ("training_model.onnx", "eval_model.onnx", "optimizer_model.onnx", "checkpoint")
DATA_INPUTS = ("tokens", "normalizer")
NEWEST_OPSET = 21
IR_VERSION = 10
EPSILON = 1e-8
TORCH_ADAM_MODE = 0  # epsilon is added after the bias correction, and decay comes first; 1 is Hugging Face's
QUIET = 3


def write_artifacts(forward: ModelProto, folder: Path, max_classes: int = 64) -> tuple[Path, ...]:
    """The paths of `ARTIFACTS`, written into a folder.

    Raises:
        ExportError: the graph is newer than onnxruntime-training 1.19 can differentiate.
    """
    _check_opset(forward)
    model = deepcopy(forward)
    graph = model.graph
    trainables = _trainables_to_initialisers(graph, max_classes)
    _splits_to_slices(graph)
    _layer_norm_statistics(graph)
    _append_loss(graph, max_classes)
    folder.mkdir(parents=True, exist_ok=True)
    onnxruntime.set_default_logger_severity(QUIET)
    artifacts.generate_artifacts(
        model,
        requires_grad=trainables,
        optimizer=onnxblock.optim.AdamW(eps=EPSILON, weight_decay=0.0),
        artifact_directory=folder,
    )
    for name in ARTIFACTS[:3]:
        _finish(folder / name)
    return tuple(folder / name for name in ARTIFACTS)


def _check_opset(model: ModelProto) -> None:
    opset = max(entry.version for entry in model.opset_import if entry.domain == "")
    if opset > NEWEST_OPSET:
        raise ExportError(
            f"the forward graph has opset {opset}, onnxruntime-training knows {NEWEST_OPSET} at most",
            "export the adapter with opset 18",
        )


def _trainables_to_initialisers(graph: GraphProto, max_classes: int) -> list[str]:
    """Names of the trainables, now initialisers of zeros: a task's own values come with its blob.

    They cannot be merged although they are equal: onnxruntime makes them inputs again before it optimises.
    """
    trainables = [value for value in graph.input if value.name not in DATA_INPUTS]
    for value in trainables:
        shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        if value.name == "head":
            shape[0] = max_classes
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(np.zeros(shape, np.float32), value.name))
    del graph.value_info[:]  # shapes of the unpadded head
    return [value.name for value in trainables]


def _splits_to_slices(graph: GraphProto) -> None:
    """Replace each Split by one Slice per used output.

    onnxruntime's gradient of a Split ignores an output that nobody uses and shifts the others' gradients:
    wrong, and without a word.
    """
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(_slices(graph, node, used) if node.op_type == "Split" else [node])


def _slices(graph: GraphProto, split: NodeProto, used: set[str]) -> list[NodeProto]:
    axis = next((item.i for item in split.attribute if item.name == "axis"), 0)
    edges = np.cumsum([0, *_split_sizes(graph, split)])
    slices = []
    for output, (start, end) in zip(split.output, pairwise(edges), strict=True):
        if output not in used:
            continue
        bounds = [f"{output}.{bound}" for bound in ("start", "end", "axis")]
        for name, number in zip(bounds, (start, end, axis), strict=True):
            graph.initializer.append(numpy_helper.from_array(np.array([number], np.int64), name))
        slices.append(helper.make_node("Slice", [split.input[0], *bounds], [output], name=f"{output}.slice"))
    return slices


def _split_sizes(graph: GraphProto, split: NodeProto) -> list[int]:
    if len(split.input) == 2:
        for tensor in graph.initializer:
            if tensor.name == split.input[1]:
                return [int(size) for size in numpy_helper.to_array(tensor)]
    raise ExportError(f"the Split '{split.name}' has no constant sizes", "split with explicit sizes")


def _layer_norm_statistics(graph: GraphProto) -> None:
    """Add the optional outputs mean and 1/std, from which onnxruntime computes the gradient."""
    for node in graph.node:
        if node.op_type == "LayerNormalization":
            node.output.extend(
                f"{node.output[0]}.{suffix}" for suffix in ("mean", "inv_std")[len(node.output) - 1 :]
            )


def _append_loss(graph: GraphProto, max_classes: int) -> None:
    """Graph outputs become `loss []` and `masked_logits [B, max_classes]`."""
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
    """Rewrite a model: IR 10, only the domains that it uses, and AdamW in torch's form."""
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
