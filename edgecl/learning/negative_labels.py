"""Which classes are "none of these": learnt like any other, and never an answer.

A folder called `_negative` or `background` shows a task what it must not take for one of its sounds. Its
label competes with the others in training, and a recording may be called by it; but what is called so is
not accepted, so nothing is ever detected under that name.
"""

NEGATIVE = "_negative"
NEGATIVE_LABELS = frozenset({NEGATIVE, "background"})


def is_negative(label: str) -> bool:
    """Whether a label, in upper or lower case, stands for none of the task's sounds."""
    return label.casefold() in NEGATIVE_LABELS
