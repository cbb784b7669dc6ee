"""Streaming linear discriminant analysis: class means, seen through one covariance that all classes share.

Hayes & Kanan 2020, "Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis", §3: with
the precision Λ = [(1 − ε) Σ + ε I]⁻¹ the weights of a class are Λμ and its bias is −½ μᵀΛμ.

Deviations: all windows are there at once, so Σ is what streaming would have ended with, their mean squared
deviation from their class means. The identity is scaled by the mean variance, and has a share ε that the
held-out recordings choose, far above the paper's 1e-4: there are fewer windows than features, so most of Σ is
unknown, the more so where labels are noisy. And nothing P × P is inverted. With
the windows' deviations R [N, P], α = (1 − ε) / N and β = ε tr(Σ) / P, Woodbury's identity says

    Λ = (α RᵀR + β I)⁻¹ = (I − Rᵀ (RRᵀ + β/α I)⁻¹ R) / β

and R = features less their class means, so every product follows from those of the features.
"""

from functools import partial

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge
from edgecl.arrays import Doubles

SHRINKAGES = (0.2, 0.35, 0.5, 0.65, 0.8)
"""ε to choose from: on six tasks a choice by held-out recordings is ½ point better than any one of them."""


def solve(gram: KernelMatrix, shrinkage: float) -> DualSolution:
    """Weights βΛμ_c and biases −½ μ_cᵀβΛμ_c: the factor β is left to whoever scales the logits."""
    averaging = gram.class_averaging
    means = gram.products @ averaging  # every window with every class mean, [N, C]
    residuals = _within(gram, _within(gram, gram.products).T)  # RRᵀ
    mean_variance = residuals.trace() / gram.width
    ridge = shrinkage / (1 - shrinkage) * mean_variance + np.finfo(float).tiny
    solved = np.linalg.solve(add_ridge(residuals, ridge), _within(gram, means))
    coefficients = averaging - _within(gram, solved.astype(np.float64, copy=False))
    return DualSolution(coefficients, -0.5 * (averaging * (gram.products @ coefficients)).sum(axis=0))


def _within(gram: KernelMatrix, rows: Doubles) -> Doubles:
    """Rows [N, …] less the mean row of their class."""
    return rows - (gram.class_averaging.T @ rows)[gram.labels]


VERSIONS = tuple(partial(solve, shrinkage=shrinkage) for shrinkage in SHRINKAGES)
