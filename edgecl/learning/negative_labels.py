"""Negative labels: classes that are trained like any other and never detected.

The recordings in a folder `_negative` or `background` are counter-examples of a task's sounds. The label
competes with the others in training and may be predicted, but a prediction of it is never accepted.
"""

NEGATIVE = "_negative"
NEGATIVE_LABELS = frozenset({NEGATIVE, "background"})


def is_negative(label: str) -> bool:
    """Return whether a label, in upper or lower case, is negative."""
    return label.casefold() in NEGATIVE_LABELS
