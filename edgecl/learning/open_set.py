"""Open-set keys: the similarity of a window to each of a task's sounds, minus its similarity to background.

Weighted ridge regression on the standardised embedding separates each sound from background, whose embeddings
ship with the bundle (outlier exposure: Hendrycks et al. 2019, arXiv 1812.04606, with background as one more
class). One unbounded scale with a threshold, as in energy-based detection (Liu et al. 2020, arXiv
2010.03759), replaces probabilities that add up to 1.

    target of a window     1 in the column of its sound, or in the last column for background
    columns                regression weights on the standardised embedding and a constant
    key of a sound         its column minus that of the background, so that a margin is one product
    margin                 near +1: this sound; near −1: background

Keys read the embedding before any adapter, and margins of different tasks are on one scale, so they also
route a clip to its task (like the keys of L2P: Wang et al. 2022, arXiv 2112.08654, §4.2).

The margins of a left-out recording follow without fitting again: leaving out a set I of rows changes the
residuals to e_I = (1 − H_II)⁻¹ r_I, with residuals r and hat matrix H (Allen's PRESS, 1974, for sets).
So the threshold can be calibrated on every recording, even of a class of two.
"""

from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Bools, Doubles, Floats, Integers

PENALTY = 0.05
"""Ridge penalty λ on the squared weights, relative to a mean squared error."""

CONSTANT = 10.0
"""The constant beside the standardised embedding: large, so that its weight is hardly penalised."""

MIN_DEVIATION = 1e-3
"""No part of the embedding is scaled up by more than its inverse."""


@dataclass(frozen=True)
class OpenSetKeys:
    """The keys of S sounds, and the leave-one-out margins to calibrate their threshold."""

    keys: Floats  # [S, P + 1], the last column belongs to the constant
    sound_margins: Doubles  # [N], the best margin of each window with its recording left out
    background_margins: Doubles  # [M], the best margin of each background row left out


def fit(
    embeddings: Floats,
    labels: Integers,
    recordings: Integers,
    background: Floats,
    augmented: Bools | None = None,
) -> OpenSetKeys:
    """Fit the keys of a task.

    Windows and background have the same total weight; among windows, so have recordings as they are and their
    augmented copies. Background rows are left out one by one.

    Args:
        embeddings: The embeddings of the windows, [N, P].
        labels: Their sounds, 0…S−1, [N].
        recordings: The number of each window's recording, whose windows are left out together, [N].
        background: The embeddings of background, [M, P].
        augmented: True for windows that are augmented copies, [N]; None: none is.
    """
    count, sounds = len(labels), int(labels.max()) + 1
    mean, deviation = background.mean(axis=0), np.maximum(background.std(axis=0), MIN_DEVIATION)
    rows = _append_constant((np.concatenate([embeddings, background]) - mean) / deviation)
    targets = np.eye(sounds + 1)[np.append(labels, np.full(len(background), sounds))]
    weights = np.append(_weight_windows(count, augmented), np.full(len(background), 0.5 / len(background)))
    groups = np.append(recordings, recordings.max() + 1 + np.arange(len(background)))
    columns, left_out = _fit_ridge(rows, targets, np.sqrt(weights)[:, None], groups)
    best = (left_out[:, :-1] - left_out[:, -1:]).max(axis=1)
    differences = (columns[:, :-1] - columns[:, -1:]).T  # [S, P + 1]
    scaled = differences[:, :-1] / deviation
    constant = CONSTANT * differences[:, -1] - scaled @ mean
    keys = np.column_stack([scaled, constant]).astype(np.float32)
    return OpenSetKeys(keys, best[:count], best[count:])


def compute_margins(embeddings: Floats, keys: Floats) -> Doubles:
    """Compute the margins [N, S] of windows [N, P] from keys [S, P + 1]."""
    product: Doubles = embeddings.astype(np.float64) @ keys[:, :-1].T.astype(np.float64) + keys[:, -1]
    return product


def _weight_windows(count: int, augmented: Bools | None) -> Doubles:
    """Return the weight of each window, [N]; all together weigh 0.5."""
    if augmented is None or augmented.all() or not augmented.any():
        return np.full(count, 0.5 / count)
    copies = int(augmented.sum())
    return np.where(augmented, 0.25 / copies, 0.25 / (count - copies))


def _append_constant(rows: Floats) -> Doubles:
    return np.column_stack([rows, np.full(len(rows), CONSTANT)])


def _fit_ridge(
    rows: Doubles, targets: Doubles, root_weights: Doubles, groups: Integers
) -> tuple[Doubles, Doubles]:
    """Fit a weighted ridge regression and predict each group of rows with this group left out.

    Args:
        rows: [N, Q]; multiplied by the weights in place.
        targets: [N, K].
        root_weights: The square root of each row's weight, [N, 1].
        groups: Rows with the same number are left out together, [N].

    Returns:
        The columns [Q, K] that map rows to targets, and the left-out predictions [N, K].
    """
    rows *= root_weights
    weighted_targets = targets * root_weights
    solution = _solve_normal_equations(rows)  # [N, Q]
    columns = solution.T @ weighted_targets
    residuals = weighted_targets - rows @ columns
    errors = residuals / (1 - np.einsum("nq,nq->n", rows, solution))[:, None]  # of groups of one row
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    for number in np.flatnonzero(sizes > 1):
        own = np.flatnonzero(group == number)
        hat = rows[own] @ solution[own].T
        errors[own] = np.linalg.solve(np.eye(len(own)) - hat, residuals[own])
    return columns, targets - errors / root_weights


def _solve_normal_equations(rows: Doubles) -> Doubles:
    """Compute X (XᵀX + λ)⁻¹ = (XXᵀ + λ)⁻¹ X, [N, Q], by the smaller of the two systems."""
    if len(rows) < rows.shape[1]:
        return np.linalg.inv(_add_penalty(rows @ rows.T)) @ rows
    return rows @ np.linalg.inv(_add_penalty(rows.T @ rows))


def _add_penalty(products: Doubles) -> Doubles:
    """Add λ to the diagonal of [K, K] in place."""
    products.flat[:: len(products) + 1] += PENALTY
    return products
