"""The ONNX scan of the device on models that the onnx package wrote."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecl.bundle.onnx_scan import check, scan
from edgecl.errors import BundleError


def model(*nodes: onnx.NodeProto, functions: list[onnx.FunctionProto] | None = None) -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    weights = numpy_helper.from_array(np.ones(4, np.float32), "w")
    graph = helper.make_graph(list(nodes), "graph", values[:1], values[1:], [weights])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("custom", 1)]
    return helper.make_model(graph, ir_version=10, opset_imports=opsets, functions=functions or [])


def branches(inner: onnx.NodeProto) -> onnx.NodeProto:
    """Make an If node whose two branches are `inner`."""
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    graph = helper.make_graph([inner], "branch", [], [output])
    return helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)


def test_operators_of_graph_branches_and_functions_are_found() -> None:
    inside = helper.make_node("Add", ["x", "w"], ["y"])
    opsets = [helper.make_opsetid("", 18)]
    double = helper.make_function(
        "custom", "Double", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], opsets
    )
    made = model(
        branches(inside), helper.make_node("Double", ["x"], ["y"], domain="custom"), functions=[double]
    )
    findings = scan(made.SerializeToString())
    assert findings.operators == {("", "If"), ("", "Add"), ("custom", "Double"), ("", "Neg")}
    assert (findings.ir_version, findings.external_tensors) == (10, 0)
    assert findings.graphs == 3


def test_weights_in_an_external_file_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    made = model(helper.make_node("Add", ["x", "w"], ["y"]))
    onnx.save_model(made, path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(BundleError, match="keeps weights in another file"):
        check(path.read_bytes(), "model.onnx")


def test_tensors_of_every_type_are_skipped() -> None:
    arrays = [
        np.ones(3, t) for t in (np.float32, np.float64, np.int64, np.int32, np.uint8, np.float16, np.bool_)
    ]
    made = model(*(helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(a)) for a in arrays))
    made.graph.initializer.append(helper.make_tensor("floats", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]))
    made.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"word"]))
    assert check(made.SerializeToString(), "model.onnx").operators == {("", "Constant")}
