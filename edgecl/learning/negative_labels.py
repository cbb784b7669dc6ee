"""Negative labels: classes that are trained like any other and never detected.

The recordings in a folder `_negative` or `background` are counter-examples of a task's sounds. The label
competes with the others in training and may be predicted, but a prediction of it is never accepted. Folders
that other tools use for the same purpose get the label `_negative`.
"""

import re
from collections.abc import Iterable

NEGATIVE = "_negative"
NEGATIVE_LABELS = frozenset({NEGATIVE, "background"})
NEGATIVE_FOLDERS = frozenset({"negative", "background noise", "noise", "silence", "unknown", "other"})
"""Names of folders that become `_negative`: Speech Commands, Teachable Machine and BirdNET use them."""
COUNTER_EXAMPLES = re.compile(r"-\w")
"""How names of folders begin in which BirdNET has what may be mistaken for a species: `-Parus major`."""


def is_negative(label: str) -> bool:
    """Return whether a label, in upper or lower case, is negative."""
    return label.casefold() in NEGATIVE_LABELS


def find_negative(labels: Iterable[str]) -> str:
    """Return the negative label among labels; `_negative` where there is none."""
    return next((label for label in labels if is_negative(label)), NEGATIVE)


def is_negative_folder(name: str) -> bool:
    """Return whether a folder of this name, in any case and with any separators, holds negatives."""
    words = " ".join(re.findall(r"[^\W_]+", name.casefold()))
    return is_negative(name) or words in NEGATIVE_FOLDERS or bool(COUNTER_EXAMPLES.match(name))
