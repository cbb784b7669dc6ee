"""The linear probe: multinomial logistic regression on the frozen features, as a user would fit one.

Minimises Σ −log softmax(z)_y + ‖W‖² / 2C over all windows, as scikit-learn's LogisticRegression(C=0.05) does;
biases are not penalised. In the coordinates of K = L Lᵀ every window is a row of L and the weights are as
long as their image (representer theorem: Kimeldorf & Wahba 1971), so the search is in N × C instead of P × C.
"""

import numpy as np

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix, add_ridge
from device_runtime.training.methods.lbfgs import minimised
from edgecl.arrays import Doubles

C = 0.05
"""Inverse strength of the penalty."""

JITTER = 1e-6
"""Added to the diagonal, as a share of its mean: two equal windows are no reason to fail."""


def solve(gram: KernelMatrix) -> DualSolution:
    """Coefficients (Lᵀ)⁻¹ W for the best W [N, C], and the best biases."""
    count = len(gram.labels)
    jitter = JITTER * gram.products.trace() / count
    lower = np.linalg.cholesky(add_ridge(gram.products.copy(), jitter))
    rows = np.column_stack([lower, np.ones(count)])
    del lower  # a small board has no room for both
    targets = gram.one_hot

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        weights = flat.reshape(-1, gram.classes)
        penalty = weights / C
        penalty[-1] = 0  # the biases
        logits = rows @ weights
        logits -= logits.max(axis=1, keepdims=True)
        totals = np.exp(logits).sum(axis=1, keepdims=True)
        loss = (np.log(totals)[:, 0] - (logits * targets).sum(axis=1)).sum()
        gradient = rows.T @ (np.exp(logits) / totals - targets) + penalty
        return float(loss + (penalty * weights).sum() / 2), gradient.ravel()

    best = minimised(objective, np.zeros(rows.shape[1] * gram.classes)).reshape(-1, gram.classes)
    coefficients = np.linalg.solve(rows[:, :-1].T, best[:-1]).astype(np.float64)
    return DualSolution(coefficients, best[-1])
