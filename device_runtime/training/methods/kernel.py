"""What the closed forms share: they see the windows of a task only through their inner products.

    features [N, P] ─► products [N, N] ─► solve ─► Dual ─► head [C, P + 1]

A linear classifier whose weights are sums of the windows it learnt from needs no more than that. There are
fewer windows than features (P = 1728), so every system to be solved is N × N and a small board has it in
moments; and what a part of the windows would have taught is read from a part of the matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles, Floats, Integers


@dataclass(frozen=True)
class KernelMatrix:
    """Inner products of windows, and what they are."""

    products: Doubles  # [N, N]
    labels: Integers  # [N], 0…C−1
    classes: int  # C
    width: int  # P, the number of features behind each product

    @classmethod
    def from_features(cls, features: Floats, labels: Integers, classes: int) -> "KernelMatrix":
        """The products of standardised features [N, P]."""
        wide = features.astype(np.float64)
        return cls(wide @ wide.T, labels, classes, features.shape[1])

    def select(self, windows: NDArray[np.bool_]) -> "KernelMatrix":
        """The same of some windows [N]."""
        return KernelMatrix(
            self.products[np.ix_(windows, windows)], self.labels[windows], self.classes, self.width
        )

    @property
    def one_hot(self) -> Doubles:
        """1 where a window is of a class, [N, C]."""
        return np.eye(self.classes)[self.labels]

    @property
    def class_averaging(self) -> Doubles:
        """What makes class means of features, [N, C]: μ = averagingᵀ · features."""
        return self.one_hot / np.bincount(self.labels, minlength=self.classes)


@dataclass(frozen=True)
class DualSolution:
    """A linear classifier, its weights as sums of the windows it learnt from."""

    coefficients: Doubles  # [N, C]
    bias: Doubles  # [C]

    def compute_logits(self, products: Doubles) -> Doubles:
        """Logits [M, C] of M windows, from their products with the N that taught it, [M, N]."""
        return products @ self.coefficients + self.bias

    def to_head(self, features: Floats) -> Floats:
        """The head [C, P + 1] of a flat parameter vector, from the features [N, P] that taught it."""
        return np.column_stack([self.coefficients.T @ features, self.bias]).astype(np.float32)

    def scale(self, factor: float) -> "DualSolution":
        """The same answers, surer or less sure."""
        return DualSolution(self.coefficients * factor, self.bias * factor)


def add_ridge(products: Doubles, penalty: float) -> Doubles:
    """Products [N, N] + penalty · I, in their place: on a small board each copy of them counts."""
    products.flat[:: len(products) + 1] += penalty
    return products


Solver = Callable[[KernelMatrix], DualSolution]
