"""Streaming linear discriminant analysis (SLDA)."""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge

SHRINKAGES = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Values of SLDA's ε that held-out recordings choose from."""


def solve_slda(kernel: KernelMatrix, shrinkage: float) -> DualSolution:
    """Fit linear discriminant analysis: weights βΛμ_c and biases −½ μ_cᵀβΛμ_c, Λ a shrunk shared precision.

    Hayes & Kanan 2020, "Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis", §3:
    with the precision Λ = [(1 − ε) Σ + ε I]⁻¹ the weights of a class are Λμ and its bias is −½ μᵀΛμ.

    Deviations: all windows are given at once, so Σ is the covariance that streaming would end with, the
    mean squared deviation from the class means. The identity is scaled by the mean variance. Held-out
    recordings choose its share ε, far above the paper's 1e-4, because there are fewer windows than features
    and most of Σ is unknown; ε also bounds the condition of the system at 1 + P (1 − ε) / ε, so that single
    precision is enough to solve it. No P × P matrix is inverted: with the windows' deviations R [N, P],
    α = (1 − ε) / N and β = ε tr(Σ) / P, Woodbury's identity says
    Λ = (α RᵀR + β I)⁻¹ = (I − Rᵀ (RRᵀ + β/α I)⁻¹ R) / β. R is features less their class means, so every
    product follows from those of the features. The factor β is left to the calibration of the logits.

    Args:
        kernel: inner products of the windows.
        shrinkage: ε, 0…1.
    """
    averaging = kernel.class_averaging
    means = kernel.products @ averaging  # every window with every class mean, [N, C]
    residuals = kernel.residual_products  # RRᵀ
    mean_variance = residuals.trace() / kernel.width
    ridge = shrinkage / (1 - shrinkage) * mean_variance + np.finfo(np.float32).tiny
    system = add_ridge(residuals.astype(np.float32), ridge)
    solved = np.linalg.solve(system, kernel.subtract_class_means(means).astype(np.float32))
    coefficients = averaging - kernel.subtract_class_means(solved.astype(np.float64))
    return DualSolution(coefficients, -0.5 * (averaging * (kernel.products @ coefficients)).sum(axis=0))
