"""What a task accepts as one of its sounds: keys, and the margin from which they count.

    embeddings of its windows ─┐
    its negatives ─────────────┼─► keys, and every recording's margin without its takes ─► threshold
    noises and other sounds ───┘

The threshold is where as many known recordings are rejected as unknown ones accepted, but never so low that
one of the built-in noises would be: a task must not fire in an empty room, however few its recordings are.
A recording counts once, however many windows and varied copies of it there are: else the copies of a single
correction would raise the threshold for everything else.

Other tasks' recordings are no background: a blob would depend on what else is in the home, and margins of
different tasks would no longer be on one scale. They would halve the strangers that pass where 95 % of a
task's own do, 4.1 → 2.1 %, at the price of 1.6 points of its own at the threshold; but only those of tasks it
met: of another task's 4.3 % pass (six tasks, `tools.bench.strangers`). Where both are in one home, what the
other task knows goes to it anyway, by the larger margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.background import Background
from edgecl.arrays import Floats
from edgecl.learning import open_set
from edgecl.learning.calibration import average_per_recording, equal_error_threshold
from edgecl.learning.negative_labels import is_negative


@dataclass(frozen=True)
class Rejection:
    """What recognition compares with."""

    keys: Floats  # [S, P + 1], one for each label that is no negative, in the order of the labels
    threshold: float  # the smallest accepted margin


def calibrate_rejection(
    background: Background, embeddings: Floats, examples: Dataset, names: Sequence[str]
) -> Rejection:
    """Keys and threshold of a task, whatever parameters it learns.

    Args:
        embeddings: of its windows before any adapter, [N, P].
        names: the label of each class [C]; windows of negatives are background.
    """
    sounds = np.array([not is_negative(name) for name in names])
    row = np.cumsum(sounds) - 1  # class → key
    known = sounds[examples.labels]  # [N]
    unknown = np.concatenate([background.noise, background.sounds, embeddings[~known]])
    learnt = open_set.fit(
        embeddings[known], row[examples.labels[known]], examples.held_out_groups[known], unknown
    )
    travelling = len(background.noise) + len(background.sounds)
    threshold = equal_error_threshold(
        average_per_recording(learnt.sound_margins, examples.recordings[known]),
        np.append(
            learnt.background_margins[:travelling],
            average_per_recording(learnt.background_margins[travelling:], examples.recordings[~known]),
        ),
    )
    loudest = learnt.background_margins[: len(background.noise)].max()
    return Rejection(learnt.keys, max(threshold, float(np.nextafter(loudest, np.inf))))
