"""Task-aware dynamic masking: most of the adapter's weights are zero, and training chooses which.

SparCL (Wang et al. 2022), §3.2: a weight's importance (CWI, equation 1) is |w| + α ‖∂L(D)/∂w‖; at intervals
the least important weights are dropped and as many others grown. Which grow, and how many change, is RigL's
rule (Evci et al. 2020, §3): those of the largest gradient, a share α/2 (1 + cos(t π / T_end)) of the
non-zero weights, until three quarters of the training are over. As there, every matrix is equally sparse
("uniform") and biases stay dense.

Deviations: there is no rehearsal, so the last term of CWI vanishes; gradients are the mean of the last
epoch, not of one batch; the interval is one epoch. Training starts from the largest weights of the initial
adapter instead of random ones (its last matrix is all zero: there chance decides). The head stays dense. A
weight that is dropped and grown at the same time keeps its value. Zeros are stored like any other number,
so the blob is no smaller; it only compresses better.
"""

from collections.abc import Sequence
from math import cos, pi, prod

import numpy as np

from device_runtime.training.engines.base import TrainingState
from edgecl.arrays import Floating, Floats, Integers
from edgecl.bundle.manifest import TensorSpec

GRADIENT = 1.0  # α of CWI
CHANGED = 0.3  # α of RigL: largest share of the non-zero weights to change
LAST_CHANGE = 0.75  # T_end, as a share of the epochs


class SparseAdapter:
    """The mask that keeps an adapter sparse, see `masked_engine.Mask`."""

    def __init__(
        self, sparsity: float, tensors: Sequence[TensorSpec], start: Floats, rng: np.random.Generator
    ) -> None:
        """Keep the largest weights of each matrix.

        Args:
            sparsity: share of each matrix that is zero.
            tensors: of the adapter, in the order of the flat vector.
            start: parameters that training starts from, [n].
            rng: decides between equal weights.
        """
        self._matrices = _find_matrices(tensors)
        self._zero = np.zeros(start.size, np.bool_)
        for matrix in self._matrices:
            shuffled = rng.permutation(matrix)
            smallest = shuffled[np.argsort(np.abs(start[shuffled]), kind="stable")]
            self._zero[smallest[: round(sparsity * matrix.size)]] = True

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """Set masked parameters and their moments to zero."""
        return TrainingState(
            np.where(self._zero, np.float32(0), after.parameters),
            np.where(self._zero, np.float32(0), after.first_moment),
            np.where(self._zero, np.float32(0), after.second_moment),
            after.step,
        )

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Drop the least important weights and grow as many where the gradient is largest."""
        if done > LAST_CHANGE:
            return
        share = CHANGED / 2 * (1 + cos(pi * done / LAST_CHANGE))
        importance = np.abs(parameters) + GRADIENT * np.abs(gradient)
        for matrix in self._matrices:
            non_zero = matrix[~self._zero[matrix]]
            count = round(share * non_zero.size)
            self._zero[_select_largest(non_zero, -importance, count)] = True
            self._zero[_select_largest(matrix[self._zero[matrix]], np.abs(gradient), count)] = False


def _find_matrices(tensors: Sequence[TensorSpec]) -> list[Integers]:
    """Return the indices of each matrix in the flat vector; biases are left out."""
    ends = np.cumsum([prod(tensor.shape) for tensor in tensors])
    indices = np.split(np.arange(ends[-1]), ends[:-1])
    return [own for own, tensor in zip(indices, tensors, strict=True) if len(tensor.shape) > 1]


def _select_largest(indices: Integers, values: Floating, count: int) -> Integers:
    """Return the indices of the largest of the values [n] that are indexed."""
    return indices[np.argsort(-values[indices], kind="stable")[:count]]
