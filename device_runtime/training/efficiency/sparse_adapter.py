"""Task-aware dynamic masking: an adapter most of whose weights are zero, and which ones is learnt.

SparCL (Wang et al. 2022), §3.2: a weight's importance (CWI, equation 1) is |w| + α ‖∂L(D)/∂w‖; at intervals
the least important weights are dropped and as many others grown. Which grow, and how many change, is RigL's
rule (Evci et al. 2020, §3): those of the largest gradient, a share α/2 (1 + cos(t π / T_end)) of the living
weights, until three quarters of the training are over. As there, every matrix is equally sparse ("uniform")
and biases stay dense.

Deviations: there is no rehearsal, so the last term of CWI falls away; gradients are the mean of the epoch
that ended, not of one batch; an epoch is the interval. Learning starts from the largest weights of the
untouched adapter instead of random ones (its last matrix is all zero: there chance decides). The head stays
dense. A weight that is dropped and grown at once never left. Zeros are stored like any other number: the
blob is no smaller, it only packs better.
"""

from collections.abc import Sequence
from math import cos, pi, prod

import numpy as np
from numpy.typing import NDArray

from device_runtime.training.engines.base import TrainingState
from edgecl.arrays import Floats, Integers
from edgecl.bundle.manifest import TensorSpec

GRADIENT = 1.0  # α of CWI
CHANGED = 0.3  # α of RigL: of the living weights, at most
LAST_CHANGE = 0.75  # T_end, as a share of the epochs


class SparseAdapter:
    """See `device_runtime.training.efficiency.masked_engine.Mask`."""

    def __init__(
        self, sparsity: float, tensors: Sequence[TensorSpec], start: Floats, rng: np.random.Generator
    ) -> None:
        """
        Args:
            sparsity: share of each matrix that is zero.
            tensors: of the adapter, in the order of the flat vector.
            start: where learning starts, [n].
        """
        self._matrices = _matrices(tensors)
        self._zero = np.zeros(start.size, np.bool_)
        for matrix in self._matrices:
            shuffled = rng.permutation(matrix)
            smallest = shuffled[np.argsort(np.abs(start[shuffled]), kind="stable")]
            self._zero[smallest[: round(sparsity * matrix.size)]] = True

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """What remains of a step: where the mask lies, parameters and moments are zero."""
        return TrainingState(
            np.where(self._zero, np.float32(0), after.parameters),
            np.where(self._zero, np.float32(0), after.first_moment),
            np.where(self._zero, np.float32(0), after.second_moment),
            after.step,
        )

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Drop the least important weights, grow as many where the gradient is largest."""
        if done > LAST_CHANGE:
            return
        share = CHANGED / 2 * (1 + cos(pi * done / LAST_CHANGE))
        importance = np.abs(parameters) + GRADIENT * np.abs(gradient)
        for matrix in self._matrices:
            living = matrix[~self._zero[matrix]]
            count = round(share * living.size)
            self._zero[_largest(living, -importance, count)] = True
            self._zero[_largest(matrix[self._zero[matrix]], np.abs(gradient), count)] = False


def _matrices(tensors: Sequence[TensorSpec]) -> list[Integers]:
    """The places of each tensor in the flat vector, but for biases."""
    ends = np.cumsum([prod(tensor.shape) for tensor in tensors])
    places = np.split(np.arange(ends[-1]), ends[:-1])
    return [own for own, tensor in zip(places, tensors, strict=True) if len(tensor.shape) > 1]


def _largest(places: Integers, values: NDArray[np.floating], count: int) -> Integers:
    """So many of the places, those of the largest values [n]."""
    return places[np.argsort(-values[places], kind="stable")[:count]]
