"""Dynamic gradient masking: only the parameters that matter most to the data are trained.

SparCL (Wang et al. 2022), §3.4: the importance of a parameter is the size of its gradient (CGI, equation
3); the mask keeps the largest and is chosen again at intervals.

Deviations: there is no rehearsal, so CGI reduces to ‖∂L(D)/∂w‖ on the task's own data. It is taken from the
mean gradient of the last epoch, with mixup and smoothing as in training. The interval is one epoch, and in
the first epoch every parameter is trained. A masked parameter keeps its value and both its moments bit by
bit, without weight decay or momentum. The graph computes all gradients nevertheless, so the mask saves no
time.
"""

import numpy as np

from device_runtime.training.engines.base import TrainingState
from edgecl.arrays import Floats


class GradientMask:
    """The mask of the parameters with the smallest gradients, see `masked_engine.Mask`."""

    def __init__(self, share: float, size: int) -> None:
        """Mask nothing until the first update.

        Args:
            share: of the parameters that are masked.
            size: number of parameters, n.
        """
        self._count = round(share * size)
        self._masked = np.zeros(size, np.bool_)

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """Undo a step for the masked parameters."""
        return TrainingState(
            np.where(self._masked, before.parameters, after.parameters),
            np.where(self._masked, before.first_moment, after.first_moment),
            np.where(self._masked, before.second_moment, after.second_moment),
            after.step,
        )

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Mask the parameters with the smallest gradients."""
        self._masked[:] = False
        self._masked[np.argsort(np.abs(gradient), kind="stable")[: self._count]] = True
