"""A working copy of an ONNX graph: ask for shapes and constants, emit nodes behind the existing ones."""

from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from edgecl.errors import ExportError

OPSET = 18
IR_VERSION = 10

Shape = tuple[int | str | None, ...]  # a number, a symbol such as "B", or unknown

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}


class Graph:
    """One model under construction; the given model itself is never changed."""

    def __init__(self, model: ModelProto) -> None:
        check_domains(model)
        self.model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        self._types = {v.name: v.type.tensor_type for v in _values(self.model.graph)}
        self._initializers = {t.name: t for t in self.model.graph.initializer}
        self._producers = {name: node for node in self.nodes for name in node.output if name}
        self._names = set(self._types) | set(self._initializers) | set(self._producers)
        self._emitted: dict[tuple[Any, ...], str] = {}
        self._numbers = count()

    @property
    def nodes(self) -> list[NodeProto]:
        """All nodes so far, in topological order."""
        return list(self.model.graph.node)

    # ------------------------------------------------------------------ ask

    def shape(self, name: str) -> Shape:
        """The symbolic shape of a tensor.

        Raises:
            ExportError: not even its rank is known.
        """
        if name in self._initializers:
            return tuple(self._initializers[name].dims)
        if name not in self._types or not self._types[name].HasField("shape"):
            raise ExportError(f"the shape of tensor '{name}' is unknown", "give the model value_info for it")
        return tuple(_size(dim) for dim in self._types[name].shape.dim)

    def rank(self, name: str) -> int:
        """Number of axes of a tensor."""
        return len(self.shape(name))

    def element_type(self, name: str) -> int:
        """The TensorProto data type of a tensor, or UNDEFINED."""
        if name in self._initializers:
            return self._initializers[name].data_type
        return int(self._types[name].elem_type) if name in self._types else int(TensorProto.UNDEFINED)

    def is_float(self, name: str) -> bool:
        """Whether a tensor can carry a gradient."""
        return self.element_type(name) in _FLOATS

    def producer(self, name: str) -> NodeProto | None:
        """The node that computes a tensor; None for inputs and constants."""
        return self._producers.get(name)

    def value(self, name: str) -> NDArray[Any] | None:
        """The value of a constant tensor; None if it is not constant."""
        if name in self._initializers:
            return numpy_helper.to_array(self._initializers[name])
        node = self._producers.get(name)
        if node is None or node.op_type != "Constant":
            return None
        value = attributes(node)["value"]
        return numpy_helper.to_array(value)

    # ----------------------------------------------------------------- emit

    def constant(self, value: NDArray[Any]) -> str:
        """Name of an initializer holding `value`; equal values share one."""
        key = ("constant", value.dtype.str, value.shape, value.tobytes())
        if key not in self._emitted:
            name = self._fresh("constant")
            self._initializers[name] = numpy_helper.from_array(value, name)
            self.model.graph.initializer.append(self._initializers[name])
            self._emitted[key] = name
        return self._emitted[key]

    def ints(self, *values: int) -> str:
        """An int64 vector: axes, bounds, shapes."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """A float32 scalar, rounded once from float64."""
        return self.constant(np.array(value, dtype=np.float32))

    def emit(self, op: str, *inputs: str, output: str = "", **attributes_: Any) -> str:
        """Name of the first output of a new node; an equal node emitted before is used again."""
        key = (op, inputs, repr(sorted(attributes_.items())))
        if key not in self._emitted or output:
            name = output or self._fresh(op)
            self.append(helper.make_node(op, list(inputs), [name], name=name, **attributes_))
            self._emitted[key] = name
        return self._emitted[key]

    def append(self, node: NodeProto) -> None:
        """Put a ready-made node behind all others."""
        self.model.graph.node.append(node)
        stored = self.model.graph.node[-1]
        self._producers.update({name: stored for name in stored.output if name})
        self._names.update(stored.output)

    def extra_output(self, node: NodeProto, index: int) -> str:
        """Name of an optional output of a node, switched on if it was not."""
        while len(node.output) <= index:
            node.output.append("")
        if not node.output[index]:
            node.output[index] = self._fresh(node.op_type)
            self._producers[node.output[index]] = node
        return node.output[index]

    def shape_tensor(self, name: str) -> str:
        """int64 vector for Reshape or Expand: a constant where the shape allows it, else a Shape node."""
        shape = self.shape(name)
        if all(isinstance(size, int) for size in shape):
            return self.constant(np.array(shape, dtype=np.int64))
        return self.emit("Shape", name)

    def prune(self, outputs: list[ValueInfoProto]) -> None:
        """Make `outputs` the graph's outputs and drop every node and constant that none of them needs."""
        needed, kept = {value.name for value in outputs}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                needed.update(_captured(node))
                kept.append(node)
        graph = self.model.graph
        constants = [tensor for tensor in graph.initializer if tensor.name in needed]
        for field, values in ((graph.node, kept[::-1]), (graph.initializer, constants), (graph.output, outputs)):
            values = [type(value).FromString(value.SerializeToString()) for value in values]
            del field[:]
            field.extend(values)

    def finish(self) -> ModelProto:
        """The checked model, stamped with our opset and IR version."""
        self.model.ir_version = IR_VERSION
        onnx.checker.check_model(self.model, full_check=True)
        return self.model

    def _fresh(self, stem: str) -> str:
        name = next(n for i in self._numbers if (n := f"{stem}.{i}") not in self._names)
        self._names.add(name)
        return name
