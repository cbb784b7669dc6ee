"""A working copy of an ONNX graph: ask it for shapes and constants, emit nodes behind the existing ones."""

from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from edgecl.errors import ExportError
from export.onnx_graph.simplify import drop_unused

OPSET = 18
IR_VERSION = 10  # the newest that onnxruntime 1.19 reads
STANDARD_DOMAINS = ("", "ai.onnx")
END = 2**63 - 1  # a bound that means "to the end"

Shape = tuple[int | str | None, ...]  # per axis a number, a symbol such as "B", or unknown

_MAY_BE_FLOAT = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UNDEFINED}


class Graph:
    """One model under construction; the model it was made from never changes.

    Raises:
        ExportError: the model is not flat, standard ONNX of our opset.
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
        """All nodes so far, in topological order."""
        return list(self.model.graph.node)

    def shape(self, name: str) -> Shape:
        """The symbolic shape of a tensor.

        Raises:
            ExportError: not even its rank is known.
        """
        if name in self._constants:
            return tuple(self._constants[name].dims)
        if name not in self._types or not self._types[name].HasField("shape"):
            raise ExportError(f"the shape of tensor '{name}' is unknown", "give the model value_info for it")
        sizes = self._types[name].shape.dim
        return tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in sizes)

    def element_type(self, name: str) -> int:
        """The TensorProto data type of a tensor; UNDEFINED where it is unknown."""
        if name in self._constants:
            return int(self._constants[name].data_type)
        return int(self._types[name].elem_type) if name in self._types else int(TensorProto.UNDEFINED)

    def may_be_float(self, name: str) -> bool:
        """Whether a tensor can carry a gradient; one of unknown type can."""
        return self.element_type(name) in _MAY_BE_FLOAT

    def producer(self, name: str) -> NodeProto | None:
        """The node that computes a tensor; None for inputs and constants."""
        return self._producers.get(name)

    def value(self, name: str) -> NDArray[Any] | None:
        """The value of a constant tensor; None if it is computed or an input."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        node = self._producers.get(name)
        if node is None or node.op_type != "Constant":
            return None
        (value,) = attributes(node).values()
        return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.array(value)

    def constant(self, value: NDArray[Any]) -> str:
        """Name of an initializer that holds `value`; equal values share one."""
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._emitted:
            name = self._fresh("constant")
            self.model.graph.initializer.append(numpy_helper.from_array(value, name))
            self._constants[name] = self.model.graph.initializer[-1]
            self._emitted[key] = name
        return self._emitted[key]

    def ints(self, *values: int) -> str:
        """An int64 vector: axes, bounds, a shape."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """A float32 scalar, rounded once from float64."""
        return self.constant(np.array(value, dtype=np.float32))

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Name of the only output of a new node; an equal node emitted before serves again."""
        key = (op, inputs, repr(sorted(attributes.items())))
        if key not in self._emitted:
            self._emitted[key] = self.emit_many(op, *inputs, outputs=1, **attributes)[0]
        return self._emitted[key]

    def emit_many(self, op: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Names of the outputs of a new node."""
        names = [self._fresh(op) for _ in range(outputs)]
        self.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names

    def emit_as(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        """`name`, now the output of a new node."""
        self.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def append(self, node: NodeProto) -> None:
        """Put a ready-made node behind all others."""
        self.model.graph.node.append(node)
        self._producers.update(dict.fromkeys(node.output, self.model.graph.node[-1]))

    def optional_output(self, node: NodeProto, index: int) -> str:
        """Name of an optional output of a node of this graph, switched on if it was off."""
        node.output.extend([""] * (index + 1 - len(node.output)))
        node.output[index] = node.output[index] or self._fresh(node.op_type)
        return str(node.output[index])

    def shape_tensor(self, name: str) -> str:
        """The shape of a tensor, an int64 vector: constant if all of it is known, else a Shape node."""
        shape = self.shape(name)
        if all(isinstance(size, int) for size in shape):
            return self.constant(np.array(shape, dtype=np.int64))
        return self.emit("Shape", name)

    def finish(self, outputs: list[ValueInfoProto]) -> ModelProto:
        """The checked model with these outputs and only the nodes and constants that they need."""
        graph = self.model.graph
        finished = helper.make_graph(
            self.nodes, graph.name, graph.input, outputs, graph.initializer, value_info=graph.value_info
        )
        drop_unused(finished)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(finished, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _fresh(self, stem: str) -> str:
        taken = (self._types, self._constants, self._producers)
        names = (f"{stem}.{number}" for number in self._numbers)
        return next(name for name in names if not any(name in names_ for names_ in taken))


def attributes(node: NodeProto) -> dict[str, Any]:
    """The attributes of a node as plain values."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def describe(node: NodeProto) -> str:
    """How errors speak of a node: its op, name and first output."""
    return f"{node.op_type} node '{node.name}' (output '{node.output[0]}')"


def _check_standard(model: ModelProto) -> None:
    opset = next((entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS), 0)
    if opset != OPSET:
        raise ExportError(f"the graph has opset {opset}, not {OPSET}", f"export it with opset {OPSET}")
    if model.functions:
        raise ExportError(f"the graph calls the model-local function '{model.functions[0].name}'")
    for node in model.graph.node:
        if node.domain not in STANDARD_DOMAINS:
            raise ExportError(f"the {describe(node)} is of the foreign domain '{node.domain}'")
        if any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute):
            raise ExportError(f"the {describe(node)} holds a sub-graph")
