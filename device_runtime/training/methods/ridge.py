"""Ridge regression to class targets."""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge
from edgecl.arrays import Doubles

PENALTIES = (0.3, 1.0, 3.0, 10.0)
"""Values of λ that held-out recordings choose from, as multiples of the number of windows."""


def solve_ridge(kernel: KernelMatrix, penalty: float) -> DualSolution:
    """Fit ridge regression to targets +1 and −1: coefficients (HKH + λ I)⁻¹ H y, H the centring matrix.

    Saunders et al. 1998, "Ridge Regression Learning Algorithm in Dual Variables", §2: the weights are sums
    of the windows, with coefficients (K + λ I)⁻¹ y. Used for classes as in regularised least-squares
    classification (Rifkin et al. 2003).

    Deviations: every class has the same total weight, so that a frequent one is not answered too often; the
    square roots of the weights scale rows and targets. Features and targets are centred by weighted means,
    which fits a bias that is not penalised.

    Args:
        kernel: inner products of the windows.
        penalty: λ, as a multiple of the number of windows.
    """
    count = len(kernel.labels)
    weights = _balance_classes(kernel)  # [N, 1], of mean 1
    targets = 2 * kernel.one_hot - 1
    centre = (weights * targets).mean(axis=0)
    mean = (weights * kernel.products).mean(axis=0)
    centred = kernel.products - mean
    centred -= mean[:, None] - (weights[:, 0] * mean).mean()
    roots = np.sqrt(weights)
    centred *= roots
    centred *= roots.T
    solved = roots * np.linalg.solve(add_ridge(centred, penalty * count), roots * (targets - centre))
    coefficients = solved - weights * solved.mean(axis=0)
    return DualSolution(coefficients, centre - mean @ coefficients)


def _balance_classes(kernel: KernelMatrix) -> Doubles:
    """Return the weight of each window, [N, 1]."""
    shares: Doubles = kernel.class_averaging.sum(axis=1, keepdims=True)
    return shares * (len(kernel.labels) / kernel.classes)
