"""How often a score is right: the line of a reliability diagram, from scores and whether they were right."""

from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Bools, Doubles

EDGES = (0.0, 0.5, 0.7, 0.9, 1.0)
"""Bounds of the ranges of scores; most recordings have a high score."""


@dataclass(frozen=True)
class ScoreRange:
    """What became of the recordings with a score in one range."""

    low: float
    high: float
    count: int
    score: float
    """Mean score."""
    right: float
    """Share whose label was right; equal to `score` where scores are well calibrated."""


def measure_reliability(scores: Doubles, is_right: Bools) -> list[ScoreRange]:
    """Compare scores with the truth, range by range; ranges without a score are left out.

    Guo et al. 2017, section 2 (reliability diagrams), with unequal ranges.

    Args:
        scores: Probability of the most probable label, [N], 0…1.
        is_right: Whether that label was right, [N].
    """
    number = np.clip(np.searchsorted(EDGES, scores, "right") - 1, 0, len(EDGES) - 2)
    return [
        ScoreRange(
            EDGES[one],
            EDGES[one + 1],
            int((number == one).sum()),
            float(scores[number == one].mean()),
            float(is_right[number == one].mean()),
        )
        for one in np.unique(number)
    ]
