"""Valid labels: whatever a folder can be called, on one line that a terminal shows as it is."""

import unicodedata
from collections.abc import Sequence

MAX_LABEL_CHARACTERS = 255  # no file system allows a longer name
MAX_SHOWN = 60  # in a message or a table
BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that make a terminal show the characters around them in another order."""
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, half a character, line and paragraph


def check_label(label: str) -> str:
    """Return a valid label.

    Raises:
        ValueError: It is empty or too long, or has a control or bidirectional character.
    """
    if not 0 < len(label) <= MAX_LABEL_CHARACTERS:
        raise ValueError(f"a label has 1 to {MAX_LABEL_CHARACTERS} characters, not {len(label)}")
    return check_text(label)


def check_text(text: str) -> str:
    """Return a text without control and bidirectional characters; raise `ValueError` for any other."""
    hidden = next((c for c in text if is_hidden(c)), None)
    if hidden is not None:
        raise ValueError(f"the character U+{ord(hidden):04X} is not allowed")
    return text


def join_labels(labels: Sequence[str]) -> str:
    """Return labels separated by commas, at most `MAX_SHOWN` of them."""
    more = f" and {len(labels) - MAX_SHOWN} more" if len(labels) > MAX_SHOWN else ""
    return ", ".join(labels[:MAX_SHOWN]) + more


def is_hidden(character: str) -> bool:
    """Return whether a character changes how a terminal shows the text around it."""
    return character in BIDIRECTIONAL or unicodedata.category(character) in FORBIDDEN_CATEGORIES
