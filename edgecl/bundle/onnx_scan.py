"""Safety scan of an ONNX file before a runtime loads it, without the onnx package.

ONNX is protobuf: a message is a sequence of fields, each a varint key (number · 8 + wire type) and a value; a
nested message is a length and its bytes. The scan needs only the few field numbers below and skips everything
else, above all the weights.

Rejected are operators of unknown domains, tensors with external data, malformed files, and IR versions that
the oldest supported runtime cannot read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from edgecl.errors import BundleError

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
TRAINING_DOMAINS = STANDARD_DOMAINS | {"ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft"}
MAX_IR_VERSION = 10  # the newest that onnxruntime 1.19 reads
MAX_DEPTH = 32

# message → number of a field that holds a message → type of that message (onnx.proto)
CHILDREN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
IR_VERSION, NODE_OPERATOR, NODE_DOMAIN, TENSOR_EXTERNAL, TENSOR_LOCATION = 1, 4, 7, 13, 14

EXPORT_AGAIN = "export the bundle again with 'edgecl-export bundle'"


@dataclass
class Findings:
    """The content of a model, sub-graphs and functions included."""

    ir_version: int = 0
    graphs: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)  # (domain, name)
    external_tensors: int = 0


def check(data: bytes, name: str, for_training: bool = False) -> Findings:
    """Check that a model may be loaded.

    Args:
        data: The content of the file.
        name: Its name, for messages.
        for_training: Whether to allow onnxruntime's own operators.

    Raises:
        BundleError: It may not be loaded.
    """
    try:
        findings = scan(data)
    except ValueError as error:
        raise BundleError(f"file '{name}' is not a well-formed ONNX model: {error}", EXPORT_AGAIN) from error
    if findings.external_tensors:
        raise BundleError(f"file '{name}' keeps weights in another file", EXPORT_AGAIN)
    if not findings.graphs or not 1 <= findings.ir_version <= MAX_IR_VERSION:
        message = f"file '{name}' has no graph of an IR version from 1 to {MAX_IR_VERSION}"
        raise BundleError(message, EXPORT_AGAIN)
    known = TRAINING_DOMAINS if for_training else STANDARD_DOMAINS
    if foreign := sorted(operator for operator in findings.operators if operator[0] not in known):
        domain, operator = foreign[0]
        raise BundleError(f"file '{name}' uses the operator '{operator}' of '{domain}'", EXPORT_AGAIN)
    return findings


def scan(data: bytes) -> Findings:
    """Scan a model without checking it.

    Raises:
        ValueError: The bytes are malformed or nested too deeply.
    """
    findings = Findings()
    _walk("model", memoryview(data), findings, MAX_DEPTH)
    return findings


def _walk(message: str, data: memoryview, findings: Findings, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    fields = list(_read_fields(data))
    if message == "node":
        findings.operators.update(_list_operators(fields))
    if message == "graph":
        findings.graphs += 1
    for number, value in fields:
        if message == "model" and number == IR_VERSION:
            findings.ir_version = max(findings.ir_version, _expect_integer(value))
        if message == "tensor" and (number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and value != 0)):
            findings.external_tensors += 1
        if number in CHILDREN[message]:
            _walk(CHILDREN[message][number], _expect_bytes(value), findings, depth - 1)


def _list_operators(fields: list[tuple[int, int | memoryview]]) -> Iterator[tuple[str, str]]:
    """Return all (domain, name) of a node's fields; every value of a repeated field counts."""
    domains = [_decode_text(value) for number, value in fields if number == NODE_DOMAIN] or [""]
    names = [_decode_text(value) for number, value in fields if number == NODE_OPERATOR] or [""]
    return ((domain, name) for domain in domains for name in names)


def _read_fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: an integer, or the bytes of a value of given or fixed size."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0 or key >> 32:
            raise ValueError("a field without a number")
        if wire == 0:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _read_varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > len(data) - at:
            raise ValueError("cut short")
        yield number, data[at : at + size]
        at += size


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read the varint at `at`, seven bits per byte.

    Returns:
        The integer, and the offset after it.
    """
    result = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut short")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
    raise ValueError("an integer of more than ten bytes")


def _expect_integer(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value


def _expect_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def _decode_text(value: int | memoryview) -> str:
    return bytes(_expect_bytes(value)).decode()
