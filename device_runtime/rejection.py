"""How near a window has to be to what a task was taught, learnt from recordings that were held out.

Only the parameters trained without the held-out recordings can tell how far known sounds lie from their
prototypes; but the task keeps those trained on everything, under which features stretch differently. So the
threshold is measured under the first and carried over to the second by the windows that both have learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.adapter import AdapterForward
from device_runtime.backbone import Floats
from device_runtime.examples import Examples
from device_runtime.trainer import Trained
from edgecl.calibration import carried_over, distances, prototypes_of, threshold_of
from edgecl.negatives import is_negative


@dataclass(frozen=True)
class Rejection:
    """What recognition compares with."""

    prototypes: Floats  # [C, P]
    threshold: float  # the largest accepted distance


def calibrated(
    forward: AdapterForward, examples: Examples, trained: Trained, normalizer: Floats, names: Sequence[str]
) -> Rejection:
    """Prototypes and threshold for the parameters that the task keeps.

    Args:
        names: the label of each class [C]; negatives may lie anywhere, so they have no say in the threshold.
    """
    labels, classes = examples.labels, examples.classes
    held_out = np.isin(examples.recordings, trained.held_out.recordings)  # [N]
    known = np.array([not is_negative(name) for name in names])[labels]  # [N]
    _, scored = forward.run(examples.tokens, trained.scored_parameters, normalizer)
    _, kept = forward.run(examples.tokens, trained.parameters, normalizer)
    before = distances(scored, prototypes_of(scored[~held_out], labels[~held_out], classes))
    after = distances(kept, prototypes_of(kept[~held_out], labels[~held_out], classes))
    measured, seen = known & held_out, known & ~held_out
    threshold = carried_over(threshold_of(before[measured]), before[seen], after[seen])
    return Rejection(prototypes_of(kept, labels, classes), threshold)
