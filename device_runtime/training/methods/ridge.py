"""Ridge regression to class targets."""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge

RIDGE_PENALTY = 1 / 6
"""λ, as a share of the number of features: about that of a standardised window's squared length."""


def solve_ridge(kernel: KernelMatrix) -> DualSolution:
    """Fit ridge regression to targets +1 and −1: coefficients (HKH + λ I)⁻¹ H y, H the centring matrix.

    Saunders et al. 1998, "Ridge Regression Learning Algorithm in Dual Variables", §2: the weights are sums
    of the windows, with coefficients (K + λ I)⁻¹ y. Used for classes as in regularised least-squares
    classification (Rifkin et al. 2003).

    Deviations: features and targets are centred, which fits a bias that is not penalised.
    """
    targets = 2 * kernel.one_hot - 1
    centre = targets.mean(axis=0)
    mean = kernel.products.mean(axis=0)
    centred = kernel.products - mean
    centred -= mean[:, None] - mean.mean()
    solved = np.linalg.solve(add_ridge(centred, RIDGE_PENALTY * kernel.width), targets - centre)
    coefficients = solved - solved.mean(axis=0)
    return DualSolution(coefficients, centre - mean @ coefficients)
