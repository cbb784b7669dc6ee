"""Random changes of bytes and of JSON documents, as damage and forgers make them."""

import json
import random
from typing import Any

INTERESTING = (b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80", b"\n", b"[", b'"', b"{", b"1e999", b"-1")
NASTY: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 10**400, 1e308, float("inf"), float("nan"), 0.5, ""),
    *("\0", "../../etc/passwd", "x" * 10_000, "\ud800", "2026-02-30T00:00:00Z", [], {}, [[]], {"": {}}),
)
MAX_REPEATS = 2000


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with one to four changes: flipped, cut, moved, repeated or inserted."""
    for _ in range(rng.randint(1, 4)):
        data = _mutate_once(data, rng)
    return data


def _mutate_once(data: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(data)) if rng.random() < 0.5 else rng.randint(0, min(len(data), 200))
    end = min(len(data), start + rng.choice((1, 1, 2, 4, 16, 512)))
    piece = data[start:end]
    match rng.randrange(6):
        case 0:
            return data[:start] + bytes(byte ^ rng.randint(1, 255) for byte in piece) + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:start]
        case 3:
            return data[:end] + piece * rng.randint(1, MAX_REPEATS if len(piece) < 16 else 4) + data[end:]
        case 4:
            return data[:start] + rng.choice(INTERESTING) + data[end:]
        case _:
            return data[:start] + rng.randbytes(len(piece)) + data[end:]


def mutate_document(document: Any, rng: random.Random) -> Any:
    """Return a copy of a JSON document in which one value or key is another one."""
    changed = json.loads(json.dumps(document))
    parent, key = rng.choice(_list_places(changed))
    if rng.random() < 0.2:
        del parent[key]
    elif isinstance(parent, dict) and rng.random() < 0.1:
        parent[str(rng.choice(NASTY))] = parent.pop(key)
    else:
        parent[key] = rng.choice(NASTY)
    return changed


def _list_places(document: Any) -> list[tuple[Any, Any]]:
    """List every container of a document with each of its keys."""
    keys = document.keys() if isinstance(document, dict) else range(len(document))
    places = [(document, key) for key in keys]
    for value in document.values() if isinstance(document, dict) else document:
        if isinstance(value, dict | list):
            places += _list_places(value)
    return places
