"""Canonical JSON: one spelling per document, so that it has one digest and any altered byte is detected."""

import hashlib
import json
from typing import Any


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def dump(document: Any) -> bytes:
    """Serialize a document: sorted keys, two-space indent, UTF-8, a final newline."""
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def load(data: bytes) -> Any:
    """Parse a document.

    Raises:
        ValueError: `data` is no JSON, or not exactly what `dump` writes (repeated keys included).
    """
    try:
        document = json.loads(data)
        is_canonical = dump(document) == data
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not is_canonical:
        raise ValueError("not in canonical form")
    return document
