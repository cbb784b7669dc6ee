"""Ridge regression on the labels, +1 for its class and −1 for all others, in closed form.

Saunders et al. 1998, "Ridge Regression Learning Algorithm in Dual Variables", §2: the weights are sums of the
windows, with coefficients (K + λ I)⁻¹ y. Used for classes as in regularised least-squares classification
(Rifkin et al. 2003).

Deviations: features and targets are centred, which fits a bias that is not penalised.
"""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge

PENALTY = 1 / 6
"""λ, as a share of the number of features: about that of a standardised window's squared length."""


def solve(gram: KernelMatrix) -> DualSolution:
    """Coefficients (HKH + λ I)⁻¹ H y, H the centring matrix."""
    targets = 2 * gram.one_hot - 1
    centre = targets.mean(axis=0)
    mean = gram.products.mean(axis=0)
    centred = gram.products - mean
    centred -= mean[:, None] - mean.mean()
    solved = np.linalg.solve(add_ridge(centred, PENALTY * gram.width), targets - centre)
    coefficients = solved - solved.mean(axis=0)
    return DualSolution(coefficients, centre - mean @ coefficients)
