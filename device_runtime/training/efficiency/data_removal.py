"""Dynamic data removal: the windows that a task has learnt best leave while training goes on.

SparCL (Wang et al. 2022), §3.3: a share ρ of the training data is removed, a part of it at the end of each of
the first stages, those examples first that were misclassified least; none leaves after the cutoff stage.
SPFDE's data sieving (Yuan et al. 2022) removes by the same order.

Deviations: windows of the same count of mistakes are common among few, so they are ordered by their loss
−log p of the right class, which also needs no bookkeeping: it is measured once at the end of each stage,
without mixup, by the graph that recognises. Every class loses the same share and keeps one window at least,
so that none can vanish. There are two stages, ending after ¼ and ½ of the epochs, each removing ρ/2: each
measurement costs about a third of an epoch. What SPFDE lets in again stays out: there are a dozen epochs.
"""

import numpy as np

from edgecl.arrays import Floats, Integers

STAGES = (0.25, 0.5)  # share of the epochs after which each ends


class DataRemoval:
    """Which windows are still learnt from."""

    def __init__(self, share: float, labels: Integers, epochs: int) -> None:
        """
        Args:
            share: of the windows of each class, that have left at the end.
            labels: of all windows to begin with, [N].
        """
        self._ends = {max(1, round(end * epochs)) for end in STAGES} if share else set()
        self._leaving = np.floor(np.bincount(labels) * share / len(STAGES)).astype(int)  # [C], each time

    def is_due(self, epoch: int) -> bool:
        """Whether windows leave after this epoch."""
        return epoch in self._ends

    def select_remaining(self, windows: Integers, labels: Integers, losses: Floats) -> Integers:
        """Those of the windows [N] that stay: the easiest of each class leave.

        Args:
            labels: of these windows [N].
            losses: of these windows [N].
        """
        stays = np.ones(len(windows), np.bool_)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            easiest = own[np.argsort(losses[own], kind="stable")]
            stays[easiest[: min(self._leaving[label], len(own) - 1)]] = False
        return windows[stays]
