"""JSON in exactly one spelling, so that a document has one digest and a flipped byte shows."""

import hashlib
import json
from typing import Any


def sha256_hex(data: bytes) -> str:
    """The 64 hex digits that name these bytes."""
    return hashlib.sha256(data).hexdigest()


def dump(document: Any) -> bytes:
    """The one spelling of a JSON document: sorted keys, two-space indent, UTF-8, a final newline."""
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def load(data: bytes) -> Any:
    """The document whose canonical spelling is `data`.

    Raises:
        ValueError: `data` is no JSON, or is spelled in any other way (repeated keys included).
    """
    try:
        document = json.loads(data)
        same = dump(document) == data
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not same:
        raise ValueError("not in canonical form")
    return document
