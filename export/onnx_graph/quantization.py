"""Weight formats of a backbone: fp16 storage with fp32 computation, and int8.

int8 quantization is dynamic: a constant matrix has one scale per column, activations are scaled at run time.
Convolutions and the front end stay float. The graph is standard ONNX (DynamicQuantizeLinear, MatMulInteger).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from device_runtime.model.session import import_onnxruntime

from .to_onnx import stamp_versions

MATRIX_OPS = ["MatMul", "Gemm"]
FRONT_END = ".front_end."  # in the names of its constants
LEAST_VALUES = 256  # smaller tensors are not worth a Cast


def store_as_fp16(model: ModelProto) -> ModelProto:
    """Store fp32 initializers as fp16 and a Cast where fp16 is exact; sessions fold the Cast on loading."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.dtype == np.float32 and values.size >= LEAST_VALUES and np.array_equal(half, values):
            stored = f"{tensor.name}.fp16"
            casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
            kept.append(numpy_helper.from_array(half, stored))
        else:
            kept.append(tensor)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantize_int8(model: ModelProto) -> ModelProto:
    """Return a copy of the graph with its constant matrices in int8.

    Weights use seven of the eight bits. x86 processors without VNNI add pairs of products in 16 bits, which
    overflows with eight bits and never with seven, so every processor computes the same integers.
    """
    import_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  (needs the line above)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        logging.disable(logging.WARNING)  # it recommends optimisations that every session applies
        try:
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=MATRIX_OPS,
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[node.name for node in model.graph.node if _is_of_front_end(node)],
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            logging.disable(logging.NOTSET)
        return stamp_versions(onnx.load(target))


def _is_of_front_end(node: NodeProto) -> bool:
    return any(FRONT_END in name for name in node.input)
