"""The linear classifiers in closed form: nearest class mean, ridge regression, and SLDA."""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge
from edgecl.arrays import Doubles

RIDGE_PENALTY = 1 / 6
"""λ, as a share of the number of features: about that of a standardised window's squared length."""

SHRINKAGES = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Values of SLDA's ε that held-out recordings choose from."""


def solve_prototype(kernel: KernelMatrix) -> DualSolution:
    """Classify by the nearest class mean: weights μ_c and biases −½ μ_cᵀμ_c.

    Snell et al. 2017, "Prototypical Networks for Few-shot Learning", §2.4: with squared Euclidean distances
    this is a linear classifier, −‖z − c‖² = 2 cᵀz − cᵀc − zᵀz (equation 8), in which zᵀz is the same for
    all classes. As in iCaRL (Rebuffi et al. 2017, §2.1), the means are of features that were not trained
    for the task.

    Deviation: half of everything, so that weights are the means themselves.
    """
    averaging = kernel.class_averaging
    squares = (averaging * (kernel.products @ averaging)).sum(axis=0)
    return DualSolution(averaging, -squares / 2)


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


def solve_slda(kernel: KernelMatrix, shrinkage: float) -> DualSolution:
    """Fit linear discriminant analysis: weights βΛμ_c and biases −½ μ_cᵀβΛμ_c, Λ a shrunk shared precision.

    Hayes & Kanan 2020, "Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis", §3:
    with the precision Λ = [(1 − ε) Σ + ε I]⁻¹ the weights of a class are Λμ and its bias is −½ μᵀΛμ.

    Deviations: all windows are given at once, so Σ is the covariance that streaming would end with, the
    mean squared deviation from the class means. The identity is scaled by the mean variance. Held-out
    recordings choose its share ε, far above the paper's 1e-4, because there are fewer windows than features
    and most of Σ is unknown. No P × P matrix is inverted: with the windows' deviations R [N, P], α = (1 −
    ε) / N and β = ε tr(Σ) / P, Woodbury's identity says Λ = (α RᵀR + β I)⁻¹ = (I − Rᵀ (RRᵀ + β/α I)⁻¹ R) /
    β. R is features less their class means, so every product follows from those of the features. The factor
    β is left to the calibration of the logits.

    Args:
        kernel: inner products of the windows.
        shrinkage: ε, 0…1.
    """
    averaging = kernel.class_averaging
    means = kernel.products @ averaging  # every window with every class mean, [N, C]
    residuals = _subtract_class_means(kernel, _subtract_class_means(kernel, kernel.products).T)  # RRᵀ
    mean_variance = residuals.trace() / kernel.width
    ridge = shrinkage / (1 - shrinkage) * mean_variance + np.finfo(float).tiny
    solved = np.linalg.solve(add_ridge(residuals, ridge), _subtract_class_means(kernel, means))
    coefficients = averaging - _subtract_class_means(kernel, solved.astype(np.float64, copy=False))
    return DualSolution(coefficients, -0.5 * (averaging * (kernel.products @ coefficients)).sum(axis=0))


def _subtract_class_means(kernel: KernelMatrix, rows: Doubles) -> Doubles:
    """Subtract from each row [N, …] the mean row of its class."""
    return rows - (kernel.class_averaging.T @ rows)[kernel.labels]
