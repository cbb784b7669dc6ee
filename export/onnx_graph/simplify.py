"""Graph simplification after an export: constant reshape targets, no unused nodes.

The exporter computes the target of every reshape at run time from the sizes of the axes. Where at most one
axis is unknown and the batch axis comes first, a constant target with 0 (copy the size) and −1 is equivalent.

onnxscript.optimizer and the onnx_ir passes do not replace this module: they leave nine nodes more in the
default backbone, and other bytes would change the fingerprint of every bundle.
"""

from collections.abc import MutableSequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

Shape = list[int | str] | None


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Make Reshape and Expand targets constant and remove unused nodes; return the changed model."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {value.name: _read_shape(value) for value in _list_values(inferred.graph)}
    for node in model.graph.node:
        target = _find_target(node, shapes)
        if target is not None:
            name = f"{node.output[0]}.shape"
            model.graph.initializer.append(numpy_helper.from_array(np.array(target, np.int64), name))
            node.input[1] = name
            del node.attribute[:]  # allowzero: here 0 copies the size from the input
    remove_unused(model.graph)
    return model


def remove_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes, initializers and value infos that no output depends on."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    _replace(graph.node, kept[::-1])
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    produced = {name for node in kept for name in node.output}
    _replace(graph.value_info, [value for value in graph.value_info if value.name in produced])


def _find_target(node: onnx.NodeProto, shapes: dict[str, Shape]) -> list[int] | None:
    """Return the constant target shape of a Reshape or Expand node; None if there is none."""
    if node.op_type not in ("Reshape", "Expand"):
        return None
    before, after = shapes.get(node.input[0]), shapes.get(node.output[0])
    if before is None or after is None:
        return None
    return (
        _make_reshape_target(before, after)
        if node.op_type == "Reshape"
        else _make_expand_target(before, after)
    )


def _make_reshape_target(before: list[int | str], after: list[int | str]) -> list[int] | None:
    target: list[int] = []
    for axis, size in enumerate(after):
        if isinstance(size, int):
            target.append(size)
        else:
            target.append(0 if axis < len(before) and before[axis] == size else -1)
    return target if target.count(-1) <= 1 else None


def _make_expand_target(before: list[int | str], after: list[int | str]) -> list[int] | None:
    aligned = [1] * (len(after) - len(before)) + list(before)
    target = [1 if old == new else new for old, new in zip(aligned, after, strict=True)]
    return [int(size) for size in target] if all(isinstance(size, int) for size in target) else None


def _list_values(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    return [*graph.input, *graph.value_info, *graph.output]


def _read_shape(value: onnx.ValueInfoProto) -> Shape:
    if not value.type.tensor_type.HasField("shape"):
        return None
    sizes = [
        dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else "")
        for dim in value.type.tensor_type.shape.dim
    ]
    return None if "" in sizes else sizes


def _replace(field: MutableSequence[Any], items: list[Any]) -> None:
    del field[:]
    field.extend(items)
