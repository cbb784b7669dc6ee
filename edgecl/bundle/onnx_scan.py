"""Safety scan of an ONNX file before a runtime loads it, without the onnx package.

ONNX is protobuf: a message is a sequence of fields, each a varint key (number · 8 + wire type) and a value; a
nested message is a length and its bytes. The scan needs only the few field numbers below and skips everything
else, above all the weights. It holds one field of each level at a time, so its memory does not grow with the
file, and stops at the limits below.

Rejected are operators of unknown domains, control flow, functions (which may never end, or grow without bound
when they are expanded), tensors with external data, malformed files, and IR versions that the oldest
supported runtime cannot read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from edgecl.errors import BundleError

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
TRAINING_DOMAINS = STANDARD_DOMAINS | {"ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft"}
MAX_IR_VERSION = 10  # the newest that onnxruntime 1.19 reads
MAX_DEPTH = 32
MAX_FIELDS = 500_000  # the default backbone has 7,000
MAX_NODES = 50_000  # the default backbone has 500
MAX_OPERATORS = 1_000  # different ones; ONNX has 200
MAX_TEXT_BYTES = 256  # of an operator's name or domain
MAX_TEXTS = 8  # values of a field that a node should have once
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})

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
    functions: int = 0
    nodes: int = 0
    fields: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)  # (domain, name)
    external_tensors: int = 0

    def count_field(self) -> None:
        """Count a field; raise `ValueError` beyond the limit."""
        self.fields += 1
        if self.fields > MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS} fields")

    def add_node(self, domains: set[str], names: set[str]) -> None:
        """Add the operators of a node; raise `ValueError` beyond the limits."""
        self.nodes += 1
        self.operators.update((domain, name) for domain in domains or {""} for name in names or {""})
        if self.nodes > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} nodes")
        if len(self.operators) > MAX_OPERATORS:
            raise ValueError(f"more than {MAX_OPERATORS} different operators")


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
    control_flow = sorted(operator for _, operator in findings.operators if operator in CONTROL_FLOW)
    if control_flow or findings.functions or findings.graphs > 1:
        what = f"the operator '{control_flow[0]}'" if control_flow else "functions or sub-graphs"
        message = f"file '{name}' uses {what}; control flow is not allowed in a bundle"
        raise BundleError(message, EXPORT_AGAIN)
    return findings


def scan(data: bytes) -> Findings:
    """Scan a model without checking it.

    Raises:
        ValueError: The bytes are malformed, nested too deeply, or beyond a limit.
    """
    findings = Findings()
    _walk("model", memoryview(data), findings, MAX_DEPTH)
    return findings


def _walk(message: str, data: memoryview, findings: Findings, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    findings.graphs += message == "graph"
    findings.functions += message == "function"
    domains: set[str] = set()  # of a node; every value of a repeated field counts
    names: set[str] = set()
    for number, value in _read_fields(data):
        findings.count_field()
        if message == "model" and number == IR_VERSION:
            findings.ir_version = max(findings.ir_version, _expect_integer(value))
        if message == "tensor" and (number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and value != 0)):
            findings.external_tensors += 1
        if message == "node" and number in (NODE_DOMAIN, NODE_OPERATOR):
            _add_text(value, domains if number == NODE_DOMAIN else names)
        if number in CHILDREN[message]:
            _walk(CHILDREN[message][number], _expect_bytes(value), findings, depth - 1)
    if message == "node":
        findings.add_node(domains, names)


def _add_text(value: int | memoryview, texts: set[str]) -> None:
    texts.add(_decode_text(value))
    if len(texts) > MAX_TEXTS:
        raise ValueError("a node of many operators")


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
    text = _expect_bytes(value)
    if len(text) > MAX_TEXT_BYTES:
        raise ValueError("an operator with an endless name")
    return bytes(text).decode()
