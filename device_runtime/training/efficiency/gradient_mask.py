"""Dynamic gradient masking: only the parameters that matter most to the data move.

SparCL (Wang et al. 2022), §3.4: the importance of a parameter is the size of its gradient (CGI, equation 3);
the mask keeps the largest and is chosen again at intervals.

Deviations: there is no rehearsal, so of CGI remains ‖∂L(D)/∂w‖ on the task's own data, taken from the mean
gradient of the epoch that ended (its batches mixed up and smoothed as they are trained on); an epoch is the
interval, and in the first everything moves. A masked parameter stands still altogether, weight decay and
momentum included: it and both its moments keep every bit. The graph computes all gradients nevertheless, so
no time is saved.
"""

import numpy as np

from device_runtime.training.engines.base import TrainingState
from edgecl.arrays import Floats


class GradientMask:
    """See `device_runtime.training.efficiency.masked_engine.Mask`."""

    def __init__(self, share: float, size: int) -> None:
        """
        Args:
            share: of the parameters that stand still.
            size: n, how many there are.
        """
        self._count = round(share * size)
        self._still = np.zeros(size, np.bool_)

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """What remains of a step: where the mask lies, all is as before."""
        return TrainingState(
            np.where(self._still, before.parameters, after.parameters),
            np.where(self._still, before.first_moment, after.first_moment),
            np.where(self._still, before.second_moment, after.second_moment),
            after.step,
        )

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Lay the mask on the smallest gradients."""
        self._still[:] = False
        self._still[np.argsort(np.abs(gradient), kind="stable")[: self._count]] = True
