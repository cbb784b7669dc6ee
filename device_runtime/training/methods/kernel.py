"""Linear classifiers in dual form, which use the windows of a task only through their inner products.

    features [N, P] ─► inner products [N, N] ─► solver ─► DualSolution ─► head [C, P + 1]

A linear classifier whose weights are sums of its training windows needs nothing else. There are fewer
windows than features (P = 864), so every linear system is N × N and small enough for a board.
Cross-validation only needs parts of the matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgecl.arrays import Bools, Doubles, Floating, Floats, Integers


@dataclass(frozen=True)
class KernelMatrix:
    """Inner products of windows, and their classes."""

    products: Doubles  # [N, N]
    labels: Integers  # [N], 0…C−1
    classes: int  # C
    width: int  # P, the number of features behind each product

    @classmethod
    def from_features(cls, features: Floats, labels: Integers, classes: int) -> "KernelMatrix":
        """Compute the inner products of standardised features [N, P]."""
        wide = features.astype(np.float64)
        return cls(wide @ wide.T, labels, classes, features.shape[1])

    def select(self, windows: Bools) -> "KernelMatrix":
        """Return the matrix of some windows, given by a mask [N]."""
        return KernelMatrix(
            self.products[np.ix_(windows, windows)], self.labels[windows], self.classes, self.width
        )

    @cached_property
    def one_hot(self) -> Doubles:
        """1 for the class of each window, [N, C]."""
        return np.eye(self.classes)[self.labels]

    @cached_property
    def class_averaging(self) -> Doubles:
        """The matrix A that averages each class, [N, C]: means = Aᵀ · features."""
        return self.one_hot / np.bincount(self.labels, minlength=self.classes)

    @cached_property
    def residual_products(self) -> Doubles:
        """Inner products of the windows' deviations from the mean of their class, [N, N]."""
        residuals = self.products.copy()
        for rows in (residuals, residuals.T):  # in place: whole matrices in between would take as much again
            means = self.class_averaging.T @ rows
            for label in range(self.classes):
                rows[self.labels == label] -= means[label]
        return residuals

    def subtract_class_means(self, rows: Doubles) -> Doubles:
        """Subtract from each row [N, …] the mean row of its class."""
        return rows - (self.class_averaging.T @ rows)[self.labels]


@dataclass(frozen=True)
class DualSolution:
    """A linear classifier whose weights are sums of its training windows."""

    coefficients: Doubles  # [N, C]
    bias: Doubles  # [C]

    def compute_logits(self, products: Doubles) -> Doubles:
        """Return logits [M, C] from the inner products [M, N] of M windows with the N training windows."""
        return products @ self.coefficients + self.bias

    def to_head(self, features: Floats) -> Floats:
        """Return the head [C, P + 1] of a flat parameter vector, from the training features [N, P]."""
        return np.column_stack([self.coefficients.T @ features, self.bias]).astype(np.float32)

    def scale(self, factor: float) -> "DualSolution":
        """Return the classifier with scaled logits."""
        return DualSolution(self.coefficients * factor, self.bias * factor)


def add_ridge(products: Floating, penalty: float) -> Floating:
    """Add penalty · I to inner products [N, N] in place, because a small board has no room for copies."""
    products.flat[:: len(products) + 1] += penalty
    return products


Solver = Callable[[KernelMatrix], DualSolution]
