"""Fits a task's open-set keys and the threshold of their margin, below which a sound is rejected as unknown.

    embeddings of the task's windows ─┐
    its negatives ────────────────────┼─► keys, and each recording's margin without its own group ─► threshold
    noises and other sounds ──────────┘

The threshold is where as many known recordings are rejected as unknown ones are accepted, each recording
counting once, however many windows and augmented copies it has. It is never negative, nor so low that more
than one in a hundred of the built-in noises would be accepted, or that fewer than 15 % of the augmented
copies, left out with their recordings, would be rejected: where a task is far from the background, sounds
more like its own lie in between. Recordings of other tasks are not used as background, so that a task does
not depend on what else is enrolled.
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

MIN_THRESHOLD = 0.0
"""A sound that is nearer to background than to the task is not accepted."""
REJECTED_NOISE = 0.99
"""Share of the built-in noises below the threshold, at least: one that hums like an instrument may pass."""
MIN_REJECTED_COPIES = 0.15
"""Share of the left-out augmented copies below the threshold, at least."""


@dataclass(frozen=True)
class Rejection:
    """What recognition needs to reject unknown sounds."""

    keys: Floats  # [S, P + 1], one for each label that is no negative, in the order of the labels
    threshold: float  # the smallest margin that is accepted


def calibrate_rejection(
    background: Background, embeddings: Floats, dataset: Dataset, labels: Sequence[str]
) -> Rejection:
    """Fit the keys and the threshold of a task; they do not depend on its parameters.

    Args:
        background: of the bundle.
        embeddings: features of the task's windows before any adapter, [N, P].
        dataset: the task's windows.
        labels: the label of each class [C]; windows of negatives count as background.
    """
    is_sound = np.array([not is_negative(label) for label in labels])
    key_of = np.cumsum(is_sound) - 1  # class → key
    known = is_sound[dataset.labels]  # [N]
    unknown = np.concatenate([background.noise, background.sounds, embeddings[~known]])
    fitted = open_set.fit(
        embeddings[known],
        key_of[dataset.labels[known]],
        dataset.held_out_groups[known],
        unknown,
        dataset.augmented[known],
    )
    bundled = len(background.noise) + len(background.sounds)
    threshold = equal_error_threshold(
        average_per_recording(fitted.sound_margins, dataset.recordings[known]),
        np.append(
            fitted.background_margins[:bundled],
            average_per_recording(fitted.background_margins[bundled:], dataset.recordings[~known]),
        ),
    )
    noise = float(np.quantile(fitted.background_margins[: len(background.noise)], REJECTED_NOISE))
    copies = fitted.sound_margins[dataset.augmented[known]]
    least = float(np.quantile(copies, MIN_REJECTED_COPIES)) if copies.size else threshold
    return Rejection(fitted.keys, max(threshold, least, noise, MIN_THRESHOLD))
