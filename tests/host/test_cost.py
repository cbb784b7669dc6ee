"""The cost of a window, counted from the graph of a backbone."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from export.commands import app
from export.onnx_graph.cost import Cost, measure_cost


def test_convolutions_and_matrix_products_are_counted_for_one_window():
    weight, matrix = np.zeros((4, 1, 5), np.float32), np.zeros((4, 3), np.float16)
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "axis"], ["channel"]),
        helper.make_node("Conv", ["channel", "weight"], ["filtered"], strides=[2]),
        helper.make_node("ReduceMean", ["filtered", "last"], ["pooled"], keepdims=0),
        helper.make_node("Cast", ["matrix"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["pooled", "wide"], ["embedding"]),
    ]
    constants = {"weight": weight, "matrix": matrix, "axis": np.array([1]), "last": np.array([2])}
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    filtered = 4 * 48  # (100 − 5) // 2 + 1 positions
    assert measure_cost(model, samples=100) == Cost(
        macs=filtered * 5 + 4 * 3,
        weight_bytes=4 * 5 * 4 + 4 * 3 * 2 + 2 * 8,
        activation_bytes=4 * (100 + filtered + 4 + 12 + 3),
    )


def test_lengths_that_the_graph_computes_itself_are_counted():
    nodes = [
        helper.make_node("Shape", ["waveform"], ["length"], start=1),
        helper.make_node("Squeeze", ["length"], ["count"]),
        helper.make_node("Div", ["count", "ten"], ["tenth"]),
        helper.make_node("Range", ["zero", "tenth", "one"], ["numbers"]),
        helper.make_node("Mul", ["numbers", "ten"], ["places"]),
        helper.make_node("Gather", ["waveform", "places"], ["frames"], axis=1),
        helper.make_node("Unsqueeze", ["frames", "two"], ["column"]),
        helper.make_node("MatMul", ["column", "matrix"], ["embedding"]),
    ]
    constants = {
        "zero": np.array(0),
        "one": np.array(1),
        "ten": np.array(10),
        "two": np.array([2]),
        "matrix": np.ones((1, 3), "f"),
    }
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "frames", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    assert measure_cost(model, samples=100).macs == 10 * 3


def test_a_window_of_the_shipped_backbone_costs_what_the_documentation_says():
    model = onnx.load(DEFAULT_BUNDLE / "backbone.onnx")
    cost = measure_cost(model, samples=32_000)
    assert (
        f"{cost.macs / 1e6:.0f} million multiplications"
        in (Path(__file__).parents[2] / "docs" / "boards.md").read_text()
    )


def test_the_check_of_a_bundle_prints_the_cost():
    result = CliRunner().invoke(app, ["check", str(DEFAULT_BUNDLE)])
    assert result.exit_code == 0
    assert "one window: 51 million multiplications" in result.output
