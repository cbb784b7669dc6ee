"""How a backbone's weights are kept: fp32; fp16, which is computed with in fp32; or int8, in int8.

int8 is dynamic: a constant matrix has one scale a column, activations are scaled as they come. Convolutions
and the front end stay float. The graph remains standard ONNX (DynamicQuantizeLinear, MatMulInteger).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from device_runtime.model.session import import_onnxruntime
from export.onnx_graph.to_onnx import stamp

MATRIX_OPS = ["MatMul", "Gemm"]
LEAST_VALUES = 256  # of a tensor that is worth a Cast


def store_half(model: ModelProto) -> ModelProto:
    """Fp32 initialisers that fp16 holds exactly become fp16 and a Cast, folded when a session loads."""
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


def quantize(model: ModelProto) -> ModelProto:
    """The same graph with its constant matrices in int8.

    Weights take seven of the eight bits. x86 processors without VNNI add products in pairs in 16 bits, which
    eight bits can overflow; seven never do, so every processor computes the same integers.
    """
    import_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  (through the one door)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        logging.disable(logging.WARNING)  # it advises optimisations that sessions do anyway
        try:
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=MATRIX_OPS,
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            logging.disable(logging.NOTSET)
        return stamp(onnx.load(target))
