"""The keys of a task: how much more a window is like each of its sounds than like anything else.

A classifier names one of its classes whatever it hears, loudly so for what it never heard. So a task also
learns, in closed form, to tell each of its sounds from background: noises and everyday sounds whose
embeddings travel with the bundle (outlier exposure: Hendrycks et al. 2019, arXiv 1812.04606, with background
as one more class). What is left of the energy view (Liu et al. 2020, arXiv 2010.03759) is the answer's form:
one free scale, on which a threshold is laid, instead of probabilities that must add up to 1.

    target of a window     1 in the column of its sound, or in the last column for background
    columns                weighted ridge regression on the standardised embedding, and a constant
    key of a sound         its column minus the background's, so that a margin is one product
    margin                 near +1: this sound; near −1: background

Energy of the head's logits and distance to class means, which know of no background, tell strangers worse:
where 95 % of a task's own recordings are accepted, so are 46 % of all other tasks' by energy, 21 % by
distance (Mahalanobis, the best of them), 20 % by their sum, 4 % by keys (six tasks, `tools.bench.strangers`).

Keys read the embedding before any adapter, so they hold for whatever parameters the task learns, and margins
of different tasks are on one scale: same regression, same targets, same background. That is what routes a
clip to its task, as L2P's keys do by the frozen query (Wang et al. 2022, arXiv 2112.08654, §4.2).

What a recording would have got had it not been learnt from follows without learning again: ridge regression
leaves out a set I of its rows by e_I = (1 − H_II)⁻¹ r_I, with the residuals r and the hat matrix H (Allen's
PRESS, 1974, for sets). So the threshold is measured on every recording, even of a class of two.
"""

from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles, Floats, Integers

PENALTY = 1.0
"""Of the squared weights, against a mean squared error. From 0.1 to 10 it hardly matters."""

CONSTANT = 10.0
"""The constant beside the standardised embedding: large, so that its weight is hardly penalised."""

DEVIATION_FLOOR = 1e-3
"""No part of the embedding is scaled up by more than its inverse."""

SMALL = 256
"""A matrix of fewer rows is inverted as a whole."""


@dataclass(frozen=True)
class OpenSetKeys:
    """What was learnt of S sounds against background."""

    keys: Floats  # [S, P + 1], the last column a constant
    sound_margins: Doubles  # [N], each window's best margin had its recording been left out
    background_margins: Doubles  # [M], the same of each background row


def fit(embeddings: Floats, labels: Integers, recordings: Integers, background: Floats) -> OpenSetKeys:
    """The keys of windows [N, P] with labels [N], 0…S−1, against background rows [M, P].

    Background rows are left out one by one. Both sides weigh the same, however many there are of each.

    Args:
        recordings: windows of the same number are left out together, [N].
    """
    count, sounds = len(labels), int(labels.max()) + 1
    mean, deviation = background.mean(axis=0), np.maximum(background.std(axis=0), DEVIATION_FLOOR)
    rows = _with_constant((np.concatenate([embeddings, background]) - mean) / deviation)
    targets = np.eye(sounds + 1, dtype=np.float32)[np.append(labels, np.full(len(background), sounds))]
    share = np.repeat([0.5 / count, 0.5 / len(background)], [count, len(background)]).astype(np.float32)
    groups = np.append(recordings, recordings.max() + 1 + np.arange(len(background)))
    columns, left_out = _ridge(rows, targets, np.sqrt(share)[:, None], groups)
    best = (left_out[:, :-1] - left_out[:, -1:]).max(axis=1).astype(np.float64)
    weights = (columns[:, :-1] - columns[:, -1:]).T  # [S, P + 1]
    scaled = weights[:, :-1] / deviation
    constant = CONSTANT * weights[:, -1] - scaled @ mean
    keys = np.column_stack([scaled, constant]).astype(np.float32)
    return OpenSetKeys(keys, best[:count], best[count:])


def compute_margins(embeddings: Floats, keys: Floats) -> Doubles:
    """How much more windows [N, P] are like each sound than like background, [N, S], from keys [S, P + 1]."""
    product: Doubles = embeddings.astype(np.float64) @ keys[:, :-1].T.astype(np.float64) + keys[:, -1]
    return product


def _with_constant(rows: Floats) -> Floats:
    return np.column_stack([rows, np.full(len(rows), CONSTANT, np.float32)])


def _ridge(rows: Floats, targets: Floats, weights: Floats, groups: Integers) -> tuple[Floats, Floats]:
    """Columns [Q, K] that map rows [N, Q] to targets [N, K], and what each row is mapped to left out, [N, K].

    In single precision: these are the largest matrices of an enrolment, and the penalty keeps the system well
    conditioned.

    Args:
        rows: weighted in their place.
        weights: the square root of each row's weight, [N, 1].
        groups: rows of the same number [N] are left out together.
    """
    rows *= weights
    wanted = targets * weights
    solution = _solution(rows)  # [N, Q]
    columns = solution.T @ wanted
    residuals = wanted - rows @ columns
    left_out = np.empty_like(targets)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        hat = rows[own] @ solution[own].T
        errors = np.linalg.solve(np.eye(len(own), dtype=np.float32) - hat, residuals[own])
        left_out[own] = targets[own] - errors / weights[own]
    return columns, left_out


def _solution(rows: Floats) -> Floats:
    """X (XᵀX + λ)⁻¹ = (XXᵀ + λ)⁻¹ X, [N, Q], by whichever of the two systems is smaller."""
    if len(rows) < rows.shape[1]:
        return _inverse(_penalised(rows @ rows.T)) @ rows
    return rows @ _inverse(_penalised(rows.T @ rows))


def _penalised(products: Floats) -> Floats:
    """Products [K, K] + λ, in their place."""
    products.flat[:: len(products) + 1] += PENALTY
    return products


def _inverse(matrix: Floats) -> Floats:
    """The inverse of a symmetric positive definite matrix [K, K], by its blocks.

    NumPy's own works in double precision whatever it is given, and on three copies: four times the memory.
    """
    half = len(matrix) // 2
    if half < SMALL:
        return np.linalg.inv(matrix)
    upper, corner, lower = matrix[:half, :half], matrix[:half, half:], matrix[half:, half:]
    inverse = np.empty_like(matrix)
    first = _inverse(upper)
    across = first @ corner
    last = inverse[half:, half:] = _inverse(lower - corner.T @ across)
    side = inverse[:half, half:] = -across @ last
    inverse[half:, :half] = side.T
    inverse[:half, :half] = first - side @ across.T
    return inverse
