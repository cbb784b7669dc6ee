"""The cost of an ONNX graph for one window: multiplications, and bytes of weights and results."""

from dataclasses import dataclass
from math import prod

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, helper, shape_inference

CONVOLUTIONS = ("Conv", "ConvInteger")
PRODUCTS = ("MatMul", "MatMulInteger")


@dataclass(frozen=True)
class Cost:
    """What a graph costs for one window."""

    macs: int
    """Multiplications with an addition, of convolutions and matrix products."""
    weight_bytes: int
    """Size of the weights as they are stored, each read once."""
    activation_bytes: int
    """Size of all intermediate results, each written once."""


def measure_cost(model: ModelProto, samples: int) -> Cost:
    """Count the cost of a backbone's graph.

    Args:
        model: its only input is a waveform [batch, samples].
        samples: length of a window.
    """
    fixed = ModelProto()
    fixed.CopyFrom(model)
    batch, length = fixed.graph.input[0].type.tensor_type.shape.dim
    batch.dim_value, length.dim_value = 1, samples
    graph = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    shapes = {one.name: _read_shape(one) for one in values}
    shapes |= {one.name: list(one.dims) for one in graph.initializer}
    written = {name for node in graph.node for name in node.output}
    return Cost(
        macs=sum(_count_macs(node, shapes) for node in graph.node),
        weight_bytes=sum(prod(one.dims) * _item_bytes(one.data_type) for one in graph.initializer),
        activation_bytes=sum(
            prod(shapes[one.name]) * _item_bytes(one.type.tensor_type.elem_type)
            for one in values
            if one.name in written
        ),
    )


def _read_shape(value: ValueInfoProto) -> list[int]:
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def _count_macs(node: NodeProto, shapes: dict[str, list[int]]) -> int:
    """Return the multiplications of a node: the size of its output times the terms of each number in it."""
    if node.op_type in CONVOLUTIONS:
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type in PRODUCTS:
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 0


def _item_bytes(data_type: int) -> int:
    return np.dtype(helper.tensor_dtype_to_np_dtype(data_type)).itemsize
