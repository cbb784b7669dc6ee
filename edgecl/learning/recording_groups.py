"""Grouping of recordings into takes of the same thing by their names: `bell_1` and `bell_2a`.

Takes are so similar that held-out accuracy is too high unless all takes of a group are held out together.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from edgecl.arrays import Integers

FINAL_NUMBER = re.compile(r"[\W_]*\d+[a-z]?$", re.IGNORECASE)
MIN_STEMS = 5
"""In a class with fewer different stems, such as `ring-1` to `ring-30`, names do not identify takes."""


def group_recordings(files: Sequence[str], labels: Sequence[str]) -> Integers:
    """Assign a group number to each recording, [R].

    A recording whose name does not identify takes is a group of its own.

    Args:
        files: The names of the recordings, [R].
        labels: Their classes, [R].
    """
    stems = [_make_stem(file) for file in files]
    has_groups = {
        label: len({stem for stem, own in zip(stems, labels, strict=True) if own == label}) >= MIN_STEMS
        for label in set(labels)
    }
    names = [
        (label, stem if stem and has_groups[label] else f"{number}/")  # no stem contains a slash
        for number, (label, stem) in enumerate(zip(labels, stems, strict=True))
    ]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


def _make_stem(file: str) -> str:
    """Remove extension and final number from a file name; empty if nothing else is left."""
    return FINAL_NUMBER.sub("", PurePath(file).stem)
