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

BLOCK_ROWS = 512
"""Number of rows that are in memory at a time, in float64."""

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
    targets = np.eye(sounds + 1)[np.append(labels, np.full(len(background), sounds))]
    weights = np.append(_weight_windows(count, augmented), np.full(len(background), 0.5 / len(background)))
    groups = np.append(recordings, recordings.max() + 1 + np.arange(len(background)))
    rows = _Rows(embeddings, background, mean, deviation, np.sqrt(weights)[:, None])
    columns, left_out = _fit_ridge(rows, targets, groups)
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


@dataclass(frozen=True)
class _Rows:
    """The rows of the regression, made when they are used: all at once take twice the embeddings."""

    embeddings: Floats  # [N, P]
    background: Floats  # [M, P]
    mean: Floats  # [P]
    deviation: Floats  # [P]
    root_weights: Doubles  # [N + M, 1]

    def take(self, numbers: Integers) -> Doubles:
        """Return rows, standardised, with the constant and weighted, [len(numbers), P + 1]."""
        count = len(self.embeddings)
        own, others = numbers[numbers < count], numbers[numbers >= count]
        chosen = np.concatenate([self.embeddings[own], self.background[others - count]])
        standardised = (chosen - self.mean) / self.deviation
        rows = np.column_stack([standardised, np.full(len(chosen), CONSTANT)])
        weighted: Doubles = rows * self.root_weights[np.concatenate([own, others])]
        return weighted


def _fit_ridge(rows: _Rows, targets: Doubles, groups: Integers) -> tuple[Doubles, Doubles]:
    """Fit a weighted ridge regression and predict each group of rows with this group left out.

    Args:
        rows: Of N rows of Q numbers, those of the embeddings before those of background.
        targets: [N, K].
        groups: Rows with the same number are left out together, [N]; numbers of background are the largest.

    Returns:
        The columns [Q, K] that map rows to targets, and the left-out predictions [N, K].
    """
    weighted_targets, blocks = targets * rows.root_weights, _divide_into_blocks(groups)
    width = len(rows.mean) + 1
    products, moments = PENALTY * np.eye(width), np.zeros((width, targets.shape[1]))
    for block in blocks:
        part = rows.take(block)
        products += part.T @ part
        moments += part.T @ weighted_targets[block]
    inverse = np.linalg.inv(products)
    columns = inverse @ moments
    left_out = np.empty_like(targets)
    for block in blocks:
        part = rows.take(block)
        errors = _leave_out(part, part @ inverse, weighted_targets[block] - part @ columns, groups[block])
        left_out[block] = targets[block] - errors / rows.root_weights[block]
    return columns, left_out


def _divide_into_blocks(groups: Integers) -> list[Integers]:
    """Return the numbers of the rows [N], sorted by group, in blocks that hold whole groups."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups.min() - 1))
    _, first = np.unique(starts // BLOCK_ROWS, return_index=True)
    return np.split(order, starts[first][1:])


def _leave_out(rows: Doubles, solution: Doubles, residuals: Doubles, groups: Integers) -> Doubles:
    """Return the residuals of rows with their group left out, [N, K].

    Args:
        rows: [N, Q].
        solution: The rows times the inverse of the normal equations, [N, Q].
        residuals: With nothing left out, [N, K].
        groups: Rows with the same number are left out together, [N].
    """
    errors: Doubles = residuals / (1 - np.einsum("nq,nq->n", rows, solution))[:, None]  # of groups of one row
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    for number in np.flatnonzero(sizes > 1):
        own = np.flatnonzero(group == number)
        hat = rows[own] @ solution[own].T
        errors[own] = np.linalg.solve(np.eye(len(own)) - hat, residuals[own])
    return errors
