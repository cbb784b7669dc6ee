"""A builder for ONNX graphs: look up shapes and constants of a model, append nodes to it."""

from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from edgecl.errors import ExportError

from .simplify import remove_unused

OPSET = 18
IR_VERSION = 10  # the newest that onnxruntime 1.19 reads
STANDARD_DOMAINS = ("", "ai.onnx")
END = 2**63 - 1  # the bound of a Slice to the end of an axis

Shape = tuple[int | str | None, ...]  # per axis: a number, a symbol such as "B", or None if unknown

_MAY_BE_FLOAT = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UNDEFINED}


class Graph:
    """A copy of a model to which nodes are appended; the original model is not changed.

    Raises:
        ExportError: the model is not standard ONNX of opset `OPSET` without sub-graphs and functions.
    """

    def __init__(self, model: ModelProto) -> None:
        _check_standard(model)
        self.model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        graph = self.model.graph
        self._types = {v.name: v.type.tensor_type for v in (*graph.input, *graph.value_info, *graph.output)}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._producers = {name: node for node in graph.node for name in node.output}
        self._emitted: dict[tuple[object, ...], str] = {}
        self._numbers = count()

    @property
    def nodes(self) -> list[NodeProto]:
        """All nodes, in topological order."""
        return list(self.model.graph.node)

    def shape(self, name: str) -> Shape:
        """Return the symbolic shape of a tensor.

        Raises:
            ExportError: the rank is unknown.
        """
        if name in self._constants:
            return tuple(self._constants[name].dims)
        if name not in self._types or not self._types[name].HasField("shape"):
            raise ExportError(f"the shape of tensor '{name}' is unknown", "give the model value_info for it")
        sizes = self._types[name].shape.dim
        return tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in sizes)

    def element_type(self, name: str) -> int:
        """Return the TensorProto data type of a tensor; UNDEFINED if unknown."""
        if name in self._constants:
            return int(self._constants[name].data_type)
        return int(self._types[name].elem_type) if name in self._types else int(TensorProto.UNDEFINED)

    def may_be_float(self, name: str) -> bool:
        """Return whether a tensor can carry a gradient: it is a float, or its type is unknown."""
        return self.element_type(name) in _MAY_BE_FLOAT

    def producer(self, name: str) -> NodeProto | None:
        """Return the node that computes a tensor; None for inputs and initializers."""
        return self._producers.get(name)

    def value(self, name: str) -> NDArray[Any] | None:
        """Return the value of a constant tensor; None for inputs and computed tensors."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        node = self._producers.get(name)
        if node is None or node.op_type != "Constant":
            return None
        (value,) = node_attributes(node).values()
        return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.array(value)

    def constant(self, value: NDArray[Any]) -> str:
        """Return the name of an initializer that holds `value`; equal values share one."""
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._emitted:
            name = self._make_name("constant")
            self.model.graph.initializer.append(numpy_helper.from_array(value, name))
            self._constants[name] = self.model.graph.initializer[-1]
            self._emitted[key] = name
        return self._emitted[key]

    def ints(self, *values: int) -> str:
        """Return the name of a constant int64 vector, such as axes, bounds or a shape."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """Return the name of a constant float32 scalar, rounded once from float64."""
        return self.constant(np.array(value, dtype=np.float32))

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output, unless an equal one was emitted; return the output's name."""
        key = (op, inputs, repr(sorted(attributes.items())))
        if key not in self._emitted:
            self._emitted[key] = self.emit_many(op, *inputs, outputs=1, **attributes)[0]
        return self._emitted[key]

    def emit_many(self, op: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Append a node; return the names of its outputs."""
        names = [self._make_name(op) for _ in range(outputs)]
        self.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names

    def emit_as(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node whose only output is called `name`; return that name."""
        self.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def append(self, node: NodeProto) -> None:
        """Append an existing node."""
        self.model.graph.node.append(node)
        self._producers.update(dict.fromkeys(node.output, self.model.graph.node[-1]))

    def enable_output(self, node: NodeProto, index: int) -> str:
        """Return the name of an optional output of a node; add the output if the node lacks it."""
        node.output.extend([""] * (index + 1 - len(node.output)))
        node.output[index] = node.output[index] or self._make_name(node.op_type)
        return str(node.output[index])

    def emit_shape(self, name: str) -> str:
        """Return the name of a tensor's shape, int64: constant if known, else the output of a Shape node."""
        shape = self.shape(name)
        if all(isinstance(size, int) for size in shape):
            return self.constant(np.array(shape, dtype=np.int64))
        return self.emit("Shape", name)

    def finish(self, outputs: list[ValueInfoProto]) -> ModelProto:
        """Return the checked model with these outputs, without unused nodes and constants."""
        graph = self.model.graph
        finished = helper.make_graph(
            self.nodes, graph.name, graph.input, outputs, graph.initializer, value_info=graph.value_info
        )
        remove_unused(finished)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(finished, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _make_name(self, stem: str) -> str:
        """Return a name that no tensor of the graph has."""
        used = (self._types, self._constants, self._producers)
        names = (f"{stem}.{number}" for number in self._numbers)
        return next(name for name in names if not any(name in names_ for names_ in used))


def node_attributes(node: NodeProto) -> dict[str, Any]:
    """Return the attributes of a node as Python values."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def describe_node(node: NodeProto) -> str:
    """Return a node's op, name and first output for an error message."""
    return f"{node.op_type} node '{node.name}' (output '{node.output[0]}')"


def _check_standard(model: ModelProto) -> None:
    opset = next((entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS), 0)
    if opset != OPSET:
        raise ExportError(f"the graph has opset {opset}, not {OPSET}", f"export it with opset {OPSET}")
    if model.functions:
        raise ExportError(f"the graph calls the model-local function '{model.functions[0].name}'")
    for node in model.graph.node:
        if node.domain not in STANDARD_DOMAINS:
            raise ExportError(f"the {describe_node(node)} is of the non-standard domain '{node.domain}'")
        if any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute):
            raise ExportError(f"the {describe_node(node)} contains a sub-graph")
