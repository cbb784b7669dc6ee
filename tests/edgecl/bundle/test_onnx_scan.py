"""The safety scan of ONNX files: unsafe models are rejected before a runtime loads them."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecl.bundle import onnx_scan
from edgecl.bundle.onnx_scan import check, scan
from edgecl.errors import BundleError
from tests.tiny_files import encode_field, encode_model, encode_node


def encode_attribute(number: int, content: bytes) -> bytes:
    """Encode an attribute of a node whose value is the message `content` in field `number`."""
    return encode_field(5, encode_field(1, b"body") + encode_field(number, content))


def test_the_scan_finds_operators_and_version_of_a_model() -> None:
    findings = check(encode_model(encode_node("Relu") + encode_node("Add", "ai.onnx")), "a.onnx")
    assert findings.operators == {("", "Relu"), ("ai.onnx", "Add")}
    assert findings.ir_version == 10


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.ml", "ai.onnx.preview.training"])
def test_the_runtimes_own_operators_are_allowed_in_training_artifacts_only(domain: str) -> None:
    model = encode_model(encode_node("SoftmaxGrad", domain))
    check(model, "ort_training/training_model.onnx", for_training=True)
    with pytest.raises(BundleError, match=f"'a.onnx' uses the operator 'SoftmaxGrad' of '{domain}'"):
        check(model, "a.onnx")


def test_unknown_domains_are_refused_at_every_place_of_a_model() -> None:
    evil = encode_node("Run", "evil")
    models = [
        encode_model(encode_node() + evil),
        encode_model(encode_node("If", attributes=encode_attribute(6, evil))),
        encode_model(
            encode_node("If", attributes=encode_attribute(11, encode_node()) + encode_attribute(11, evil))
        ),
        encode_model(
            encode_node(
                "If",
                attributes=encode_attribute(6, encode_node("Loop", attributes=encode_attribute(6, evil))),
            )
        ),
        encode_model() + encode_field(7, evil),  # a repeated graph is merged with the first
        encode_model() + encode_field(20, encode_field(2, evil)),  # training information
        encode_model() + encode_field(25, encode_field(7, evil[2:])),  # a function of the model's own
    ]
    for model in models:
        with pytest.raises(BundleError, match="uses the operator 'Run' of 'evil'"):
            check(model, "a.onnx", for_training=True)


def test_all_values_of_a_repeated_domain_are_checked() -> None:
    node = encode_field(1, encode_field(4, b"Run") + encode_field(7, b"evil") + encode_field(7, b""))
    with pytest.raises(BundleError, match="of 'evil'"):
        check(encode_model(node), "a.onnx")


def test_external_weights_are_refused_at_every_place_of_a_model() -> None:
    external = encode_field(8, b"w") + encode_field(14, 1)
    models = [
        encode_model(encode_node() + encode_field(5, external)),
        encode_model(encode_node() + encode_field(5, encode_field(13, encode_field(1, b"location")))),
        encode_model(encode_node() + encode_field(15, encode_field(1, external))),
        encode_model(encode_node("Constant", attributes=encode_attribute(5, external))),
        encode_model(encode_node("Constant", attributes=encode_attribute(10, external))),
        encode_model(encode_node("Constant", attributes=encode_attribute(22, encode_field(2, external)))),
        encode_model(encode_node("If", attributes=encode_attribute(6, encode_field(5, external)))),
    ]
    for model in models:
        with pytest.raises(BundleError, match="keeps weights in another file"):
            check(model, "a.onnx")


def test_the_bytes_of_weights_are_not_interpreted() -> None:
    weights = encode_field(9, encode_field(14, 1) * 500)  # raw data that looks like an external location
    check(encode_model(encode_node() + encode_field(5, weights + encode_field(14, 0))), "a.onnx")


@pytest.mark.parametrize("ir_version", [0, 11, 1 << 40])
def test_an_ir_version_the_oldest_runtime_cannot_read_is_refused(ir_version: int) -> None:
    with pytest.raises(BundleError, match="IR version from 1 to 10"):
        check(encode_model(ir_version=ir_version), "a.onnx")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04 a zip file", "without a number"),
        (b'{"json": 1}', "wire type"),
        (b"\x0a", "cut short"),
        (b"\x08\xff", "cut short"),
        (b"\x08" + b"\xff" * 11, "more than ten bytes"),
        (b"\x00\x01", "without a number"),
        (encode_field(7, 3), "a number where a message belongs"),
        (encode_field(1, b"ten"), "bytes where a number belongs"),
        (encode_field(7, encode_field(1, encode_field(7, b"\xff\xfe"))), "utf-8"),
    ],
)
def test_malformed_protobuf_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=f"not a well-formed ONNX model.*{reason}"):
        check(data, "a.onnx")


def test_an_empty_file_has_no_graph() -> None:
    with pytest.raises(BundleError, match="has no graph"):
        check(b"", "a.onnx")


def test_too_deeply_nested_graphs_are_refused() -> None:
    graph = encode_node()
    for _ in range(200):
        graph = encode_node("If", attributes=encode_attribute(6, graph))
    with pytest.raises(BundleError, match="nested too deeply"):
        check(encode_model(graph), "a.onnx")


@pytest.mark.parametrize("operator", ["If", "Loop", "Scan", "SequenceMap"])
def test_control_flow_is_refused(operator: str) -> None:
    body = encode_attribute(6, encode_node())
    for node in (encode_node(operator), encode_node(operator, "ai.onnx", body)):
        with pytest.raises(BundleError, match=f"uses the operator '{operator}'; control flow is not allowed"):
            check(encode_model(node), "a.onnx", for_training=True)


def test_functions_and_sub_graphs_of_any_operator_are_refused() -> None:
    models = [
        encode_model() + encode_field(25, encode_field(7, encode_node()[2:])),
        encode_model(encode_node("Relu", attributes=encode_attribute(6, encode_node()))),
        encode_model() + encode_field(20, encode_field(2, encode_node())),
    ]
    for model in models:
        with pytest.raises(BundleError, match="uses functions or sub-graphs; control flow is not allowed"):
            check(model, "a.onnx", for_training=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encode_model(encode_node() * (onnx_scan.MAX_NODES + 1)), "more than 50000 nodes"),
        (encode_model(encode_field(9, 1) * (onnx_scan.MAX_FIELDS + 1)), "more than 500000 fields"),
        (encode_model(b"".join(encode_node(f"Op{n}") for n in range(1001))), "1000 different operators"),
        (encode_model(encode_node("X" * 257)), "endless name"),
        (
            encode_model(encode_field(1, b"".join(encode_field(4, f"Op{n}".encode()) for n in range(9)))),
            "a node of many operators",
        ),
    ],
    ids=["nodes", "fields", "operators", "name", "names"],
)
def test_a_model_beyond_the_limits_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        check(data, "a.onnx")


def test_the_scan_takes_no_memory_for_the_size_of_a_model() -> None:
    model = encode_model(encode_field(9, 1) * 50_000 + encode_node("Relu"))
    tracemalloc.start()
    try:
        assert scan(model).operators == {("", "Relu")}
        assert tracemalloc.get_traced_memory()[1] < 0.1 * len(model)
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_scan_fail_in_another_way(data: bytes) -> None:
    try:
        scan(data)
    except ValueError:
        return
