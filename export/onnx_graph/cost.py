"""The cost of an ONNX graph for one window: multiplications, and bytes of weights and results."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper

from device_runtime.model.session import open_session

from .graph import IR_VERSION

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
    results = _run(model, samples)
    shapes = {name: list(value.shape) for name, value in results.items()}
    shapes |= {one.name: list(one.dims) for one in model.graph.initializer}
    return Cost(
        macs=sum(_count_macs(node, shapes) for node in model.graph.node),
        weight_bytes=sum(prod(one.dims) * _item_bytes(one.data_type) for one in model.graph.initializer),
        activation_bytes=sum(value.nbytes for value in results.values()),
    )


def _run(model: ModelProto, samples: int) -> dict[str, NDArray[Any]]:
    """Return all intermediate results for a window of zeros; shape inference does not follow every length."""
    traced = ModelProto()
    traced.CopyFrom(model)
    traced.ir_version = IR_VERSION
    names = [name for node in model.graph.node for name in node.output if name]
    del traced.graph.output[:]
    traced.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = open_session(traced.SerializeToString(), threads=1)
    window = np.zeros((1, samples), np.float32)
    return dict(zip(names, session.run(names, {model.graph.input[0].name: window}), strict=True))


def _count_macs(node: NodeProto, shapes: dict[str, list[int]]) -> int:
    """Return the multiplications of a node: the size of its output times the terms of each number in it."""
    if node.op_type in CONVOLUTIONS:
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type in PRODUCTS:
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 0


def _item_bytes(data_type: int) -> int:
    return np.dtype(helper.tensor_dtype_to_np_dtype(data_type)).itemsize
