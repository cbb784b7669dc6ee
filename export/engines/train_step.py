"""The portable train step: forward, loss, gradients and AdamW in one plain ONNX graph.

The host exports the forward graph with each trainable as a named input of its own. Here they become
slices of ONE flat vector, which is also the payload of a task blob:

    parameters [n] = adapter tensors, in order, each flattened | head [C, P + 1], flattened

so the number of classes C follows from n, and one graph serves every batch, length and class count.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from edgecl.errors import ExportError
from export.onnx_graph.autodiff import append_gradients
from export.onnx_graph.graph import END, Graph

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # the defaults of torch.optim.AdamW

Layout = Sequence[tuple[str, tuple[int, ...]]]  # the adapter's tensors: name and shape


def flatten_parameters(forward: ModelProto, layout: Layout, head: str = "head") -> ModelProto:
    """The forward graph with one input `parameters [n]` in place of the adapter's tensors and the head.

    Args:
        forward: a graph whose trainables are inputs.
        layout: the adapter's tensors in the order they take in the vector; the head comes last.

    Raises:
        ExportError: the graph lacks one of these inputs, or has it in another shape.
    """
    trainables = {value.name: value for value in forward.graph.input}
    shapes = [*layout, (head, (-1, _head_width(trainables, head)))]
    bare = ModelProto.FromString(forward.SerializeToString())
    del bare.graph.node[:], bare.graph.input[:]
    names = [name for name, _ in shapes]
    bare.graph.input.extend(value for name, value in trainables.items() if name not in names)
    bare.graph.input.append(_floats("parameters", "n"))
    bare.graph.value_info.extend(_checked(trainables, name, shape) for name, shape in shapes)

    graph = Graph(bare)
    _cut(graph, shapes)
    for node in forward.graph.node:
        graph.append(node)
    return graph.finish(list(forward.graph.output))


def train_step(adapter: ModelProto) -> ModelProto:
    """One AdamW step on the soft-target cross-entropy of an adapter graph with flat parameters.

    Inputs are those of the graph and `targets [B, C]`, `first_moment [n]`, `second_moment [n]` and the
    scalars `learning_rate`, `weight_decay`, `bias_correction1`, `bias_correction2` (1 − βᵗ at step t,
    which the caller computes in float64). Outputs are `loss`, `new_parameters`, `new_first_moment`,
    `new_second_moment` and `gradients`.
    """
    graph = Graph(_with_loss(adapter))
    gradient = append_gradients(graph, "loss", ["parameters"])["parameters"]
    graph.emit_as("gradients", "Identity", gradient)
    _adamw(graph, gradient)
    vectors = ("new_parameters", "new_first_moment", "new_second_moment", "gradients")
    return graph.finish([_floats("loss"), *(_floats(name, "n") for name in vectors)])


def _with_loss(adapter: ModelProto) -> ModelProto:
    """The graph with the loss −Σ targets · log p / Σ targets, and all inputs of a step.

    A row of zeros in `targets` counts for nothing: it is padding.
    """
    model = ModelProto.FromString(adapter.SerializeToString())
    model.graph.input.extend(
        [
            _like("targets", adapter, "logits"),
            *(_floats(name, "n") for name in ("first_moment", "second_moment")),
            *map(_floats, ("learning_rate", "weight_decay", "bias_correction1", "bias_correction2")),
        ]
    )
    graph = Graph(model)
    log_probabilities = graph.emit("LogSoftmax", "logits", axis=-1)
    agreement = graph.emit("ReduceSum", graph.emit("Mul", "targets", log_probabilities), keepdims=0)
    weight = graph.emit("ReduceSum", "targets", keepdims=0)
    graph.emit_as("loss", "Div", graph.emit("Neg", agreement), weight)
    return graph.model


def _adamw(graph: Graph, gradient: str) -> None:
    """Append torch.optim.AdamW, operation by operation, over the whole vector.

    p ← p (1 − lr·wd);  m ← m + (1 − β₁)(g − m);  v ← β₂ v + (1 − β₂) g²;
    p ← p − lr / c₁ · m / (√v / √c₂ + ε)   with the bias corrections cᵢ = 1 − βᵢᵗ
    """
    emit, scalar = graph.emit, graph.scalar
    surprise = emit("Mul", emit("Sub", gradient, "first_moment"), scalar(1 - BETA1))
    first = graph.emit_as("new_first_moment", "Add", "first_moment", surprise)
    energy = emit("Mul", emit("Mul", gradient, gradient), scalar(1 - BETA2))
    kept = emit("Mul", "second_moment", scalar(BETA2))
    second = graph.emit_as("new_second_moment", "Add", kept, energy)

    scale = emit("Div", emit("Sqrt", second), emit("Sqrt", "bias_correction2"))
    direction = emit("Div", first, emit("Add", scale, scalar(EPSILON)))
    step = emit("Mul", direction, emit("Div", "learning_rate", "bias_correction1"))
    decay = emit("Sub", scalar(1.0), emit("Mul", "learning_rate", "weight_decay"))
    graph.emit_as("new_parameters", "Sub", emit("Mul", "parameters", decay), step)


def _cut(graph: Graph, shapes: Layout) -> None:
    """Cut `parameters` into the named tensors; the last one takes all that is left."""
    ends = list(accumulate(prod(shape) for _, shape in shapes[:-1]))
    bounds = zip([0, *ends], [*ends, END], strict=True)
    for (name, shape), (start, end) in zip(shapes, bounds, strict=True):
        flat = graph.emit("Slice", "parameters", graph.ints(start), graph.ints(end), graph.ints(0))
        graph.emit_as(name, "Reshape", flat, graph.ints(*shape))


def _checked(inputs: dict[str, ValueInfoProto], name: str, shape: tuple[int, ...]) -> ValueInfoProto:
    """The input of that name, if its shape is the expected one (−1: any size)."""
    if name not in inputs:
        raise ExportError(f"the forward graph has no input '{name}'", "name the trainables as in the layout")
    found = tuple(dim.dim_value for dim in inputs[name].type.tensor_type.shape.dim)
    masked = tuple(-1 if wanted == -1 else size for size, wanted in zip(found, shape, strict=False))
    if masked != tuple(shape) or len(found) != len(shape):
        raise ExportError(f"the input '{name}' has the shape {found}, the layout says {tuple(shape)}")
    return inputs[name]


def _head_width(inputs: dict[str, ValueInfoProto], head: str) -> int:
    """P + 1, the columns of the head [C, P + 1]."""
    _checked(inputs, head, (-1, -1))
    return int(inputs[head].type.tensor_type.shape.dim[1].dim_value)


def _like(name: str, model: ModelProto, output: str) -> ValueInfoProto:
    """A tensor of the type and the symbolic shape of one of the model's outputs."""
    (found,) = (value for value in model.graph.output if value.name == output)
    return helper.make_value_info(name, found.type)


def _floats(name: str, *shape: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
