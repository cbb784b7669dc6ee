"""What an ONNX file would do, seen before any runtime loads it, without the onnx package.

ONNX is protobuf: a message is a run of fields, each a varint key (number · 8 + wire type) and a value, and
a message inside a message is a length and its bytes. So a walk needs only the few field numbers below, and
steps over everything else, weights above all, without looking.

Refused: operators from outside the known domains, tensors whose data lies in another file, anything that
is not well-formed, and an IR version newer than the oldest supported runtime reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from edgecl.errors import BundleError

STANDARD = frozenset({"", "ai.onnx"})
TRAINING = STANDARD | {"ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft"}
NEWEST_IR_VERSION = 10  # onnxruntime 1.19 reads no newer one
MAX_DEPTH = 32

# message → number of a field that holds a message → that message (onnx.proto)
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
    """What the walk saw, sub-graphs and functions included."""

    ir_version: int = 0
    graphs: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)  # (domain, name)
    external_tensors: int = 0


def check(data: bytes, name: str, for_training: bool = False) -> Findings:
    """The findings about a file that may be loaded; `for_training` admits onnxruntime's own operators."""
    try:
        findings = scan(data)
    except ValueError as error:
        raise BundleError(f"file '{name}' is not a well-formed ONNX model: {error}", EXPORT_AGAIN) from error
    if findings.external_tensors:
        raise BundleError(f"file '{name}' keeps weights in another file", EXPORT_AGAIN)
    if not findings.graphs or not 1 <= findings.ir_version <= NEWEST_IR_VERSION:
        message = f"file '{name}' has no graph of an IR version from 1 to {NEWEST_IR_VERSION}"
        raise BundleError(message, EXPORT_AGAIN)
    known = TRAINING if for_training else STANDARD
    if foreign := sorted(operator for operator in findings.operators if operator[0] not in known):
        domain, operator = foreign[0]
        raise BundleError(f"file '{name}' uses the operator '{operator}' of '{domain}'", EXPORT_AGAIN)
    return findings


def scan(data: bytes) -> Findings:
    """The findings about any model.

    Raises:
        ValueError: the bytes are no protobuf, or nested beyond all reason.
    """
    findings = Findings()
    _walk("model", memoryview(data), findings, MAX_DEPTH)
    return findings


def _walk(message: str, data: memoryview, findings: Findings, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    fields = list(_fields(data))
    if message == "node":
        findings.operators.update(_operators(fields))
    if message == "graph":
        findings.graphs += 1
    for number, value in fields:
        if message == "model" and number == IR_VERSION:
            findings.ir_version = max(findings.ir_version, _integer(value))
        if message == "tensor" and (number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and value != 0)):
            findings.external_tensors += 1
        if number in CHILDREN[message]:
            _walk(CHILDREN[message][number], _bytes(value), findings, depth - 1)


def _operators(fields: list[tuple[int, int | memoryview]]) -> Iterator[tuple[str, str]]:
    """Every (domain, name) a node's fields spell: a repeated field counts each time, whoever would win."""
    domains = [_text(value) for number, value in fields if number == NODE_DOMAIN] or [""]
    names = [_text(value) for number, value in fields if number == NODE_OPERATOR] or [""]
    return ((domain, name) for domain in domains for name in names)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number and value of each field: an integer, or the bytes of what has a length or fixed size."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0 or key >> 32:
            raise ValueError("a field without a number")
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > len(data) - at:
            raise ValueError("cut short")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The integer that starts at `at`, seven bits a byte, and where the next value starts."""
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


def _integer(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_bytes(value)).decode()
