"""The train step of the portable engine: forward, loss, gradients and AdamW in one plain ONNX graph.

In the exported forward graph, each trainable tensor is a separate input. Here they become slices of one flat
vector, which is also the payload of a task blob:

    parameters [n] = adapter tensors, in order, each flattened | head [C, P + 1], flattened

The number of classes C follows from n, so one graph serves every batch size, length and class count.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from edgecl.errors import ExportError

from ..onnx_graph.autodiff import append_gradients
from ..onnx_graph.graph import END, Graph

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # the defaults of torch.optim.AdamW

Layout = Sequence[tuple[str, tuple[int, ...]]]  # name and shape of each adapter tensor


def flatten_parameters(forward: ModelProto, layout: Layout, head: str = "head") -> ModelProto:
    """Replace the inputs for adapter tensors and head by one input `parameters [n]`.

    Args:
        forward: a graph whose trainable tensors are inputs.
        layout: the adapter tensors in the order of the vector; the head comes last.
        head: name of the head's input.

    Raises:
        ExportError: the graph lacks one of these inputs, or its shape differs.
    """
    trainables = {value.name: value for value in forward.graph.input}
    shapes = [*layout, (head, (-1, _head_width(trainables, head)))]
    bare = ModelProto.FromString(forward.SerializeToString())
    del bare.graph.node[:], bare.graph.input[:]
    names = [name for name, _ in shapes]
    bare.graph.input.extend(value for name, value in trainables.items() if name not in names)
    bare.graph.input.append(_make_float_info("parameters", "n"))
    bare.graph.value_info.extend(_check_input(trainables, name, shape) for name, shape in shapes)

    graph = Graph(bare)
    _slice_parameters(graph, shapes)
    for node in forward.graph.node:
        graph.append(node)
    return graph.finish(list(forward.graph.output))


def make_train_step(adapter: ModelProto) -> ModelProto:
    """Make a graph of one AdamW step on the soft-target cross-entropy of an adapter graph.

    Inputs: those of the adapter graph, `targets [B, C]`, `first_moment [n]`, `second_moment [n]` and the
    scalars `learning_rate`, `weight_decay`, `bias_correction1`, `bias_correction2` (1 − βᵗ at step t,
    which the caller computes in float64). Outputs: `loss`, `new_parameters`, `new_first_moment`,
    `new_second_moment` and `gradients`.

    Args:
        adapter: the forward graph with flat parameters.
    """
    graph = Graph(_append_loss(adapter))
    gradient = append_gradients(graph, "loss", ["parameters"])["parameters"]
    graph.emit_as("gradients", "Identity", gradient)
    _append_adamw(graph, gradient)
    vectors = ("new_parameters", "new_first_moment", "new_second_moment", "gradients")
    return graph.finish([_make_float_info("loss"), *(_make_float_info(name, "n") for name in vectors)])


def _append_loss(adapter: ModelProto) -> ModelProto:
    """Return a copy of the graph with the loss −Σ targets · log p / Σ targets and the inputs of a step.

    A row of zeros in `targets` is padding and does not change the loss.
    """
    model = ModelProto.FromString(adapter.SerializeToString())
    model.graph.input.extend(
        [
            _make_info_like("targets", adapter, "logits"),
            *(_make_float_info(name, "n") for name in ("first_moment", "second_moment")),
            *map(_make_float_info, ("learning_rate", "weight_decay", "bias_correction1", "bias_correction2")),
        ]
    )
    graph = Graph(model)
    log_probabilities = graph.emit("LogSoftmax", "logits", axis=-1)
    agreement = graph.emit("ReduceSum", graph.emit("Mul", "targets", log_probabilities), keepdims=0)
    weight = graph.emit("ReduceSum", "targets", keepdims=0)
    graph.emit_as("loss", "Div", graph.emit("Neg", agreement), weight)
    return graph.model


def _append_adamw(graph: Graph, gradient: str) -> None:
    """Append the update of torch.optim.AdamW on the whole vector, operation by operation.

    p ← p (1 − lr·wd);  m ← m + (1 − β₁)(g − m);  v ← β₂ v + (1 − β₂) g²;
    p ← p − lr / c₁ · m / (√v / √c₂ + ε)   with the bias corrections cᵢ = 1 − βᵢᵗ
    """
    emit, scalar = graph.emit, graph.scalar
    difference = emit("Mul", emit("Sub", gradient, "first_moment"), scalar(1 - BETA1))
    first = graph.emit_as("new_first_moment", "Add", "first_moment", difference)
    square = emit("Mul", emit("Mul", gradient, gradient), scalar(1 - BETA2))
    decayed = emit("Mul", "second_moment", scalar(BETA2))
    second = graph.emit_as("new_second_moment", "Add", decayed, square)

    scale = emit("Div", emit("Sqrt", second), emit("Sqrt", "bias_correction2"))
    direction = emit("Div", first, emit("Add", scale, scalar(EPSILON)))
    step = emit("Mul", direction, emit("Div", "learning_rate", "bias_correction1"))
    decay = emit("Sub", scalar(1.0), emit("Mul", "learning_rate", "weight_decay"))
    graph.emit_as("new_parameters", "Sub", emit("Mul", "parameters", decay), step)


def _slice_parameters(graph: Graph, shapes: Layout) -> None:
    """Slice `parameters` into the named tensors; the last one is the remainder."""
    ends = list(accumulate(prod(shape) for _, shape in shapes[:-1]))
    bounds = zip([0, *ends], [*ends, END], strict=True)
    for (name, shape), (start, end) in zip(shapes, bounds, strict=True):
        flat = graph.emit("Slice", "parameters", graph.ints(start), graph.ints(end), graph.ints(0))
        graph.emit_as(name, "Reshape", flat, graph.ints(*shape))


def _check_input(inputs: dict[str, ValueInfoProto], name: str, shape: tuple[int, ...]) -> ValueInfoProto:
    """Return the input of that name after a check of its shape (−1: any size)."""
    if name not in inputs:
        raise ExportError(
            f"the forward graph has no input '{name}'", "name the trainable tensors as in the layout"
        )
    found = tuple(dim.dim_value for dim in inputs[name].type.tensor_type.shape.dim)
    masked = tuple(-1 if wanted == -1 else size for size, wanted in zip(found, shape, strict=False))
    if masked != tuple(shape) or len(found) != len(shape):
        raise ExportError(f"the input '{name}' has the shape {found}, not {tuple(shape)} as in the layout")
    return inputs[name]


def _head_width(inputs: dict[str, ValueInfoProto], head: str) -> int:
    """Return P + 1, the number of columns of the head [C, P + 1]."""
    _check_input(inputs, head, (-1, -1))
    return int(inputs[head].type.tensor_type.shape.dim[1].dim_value)


def _make_info_like(name: str, model: ModelProto, output: str) -> ValueInfoProto:
    """Return the info of a tensor with the type and symbolic shape of a model output."""
    (found,) = (value for value in model.graph.output if value.name == output)
    return helper.make_value_info(name, found.type)


def _make_float_info(name: str, *shape: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
