"""Dynamic data removal: the easiest windows leave while training goes on.

SparCL (Wang et al. 2022), §3.3: a share ρ of the training data is removed, a part of it at the end of each
of the first stages, those examples first that were misclassified least; none leaves after the cutoff stage.
SPFDE's data sieving (Yuan et al. 2022) removes in the same order.

Deviations: among few windows, many share a count of mistakes, so they are ordered by their loss −log p of
the right class. This needs no bookkeeping: the loss is measured once at the end of each stage, without
mixup, by the graph that recognises. Every class loses the same share and keeps at least one window. There
are two stages, which end after ¼ and ½ of the epochs, and each removes ρ/2, because each measurement costs
about a third of an epoch. Windows that SPFDE would readmit stay out, because there are only a dozen epochs.
"""

import numpy as np

from edgecl.arrays import Floats, Integers

STAGES = (0.25, 0.5)  # share of the epochs after which each ends


class DataRemoval:
    """Decides when windows are removed, and which."""

    def __init__(self, share: float, labels: Integers, epochs: int) -> None:
        """Plan the removal.

        Args:
            share: of the windows of each class, removed at the end.
            labels: of all windows at the beginning, [N].
            epochs: number of epochs.
        """
        self._ends = {max(1, round(end * epochs)) for end in STAGES} if share else set()
        self._counts = np.floor(np.bincount(labels) * share / len(STAGES)).astype(int)  # [C], per stage

    def is_due(self, epoch: int) -> bool:
        """Return whether windows leave after this epoch."""
        return epoch in self._ends

    def select_remaining(self, windows: Integers, labels: Integers, losses: Floats) -> Integers:
        """Return the windows that stay; the easiest of each class leave.

        Args:
            windows: indices of the windows trained on, [N].
            labels: of these windows, [N].
            losses: of these windows, [N].
        """
        stays = np.ones(len(windows), np.bool_)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            easiest = own[np.argsort(losses[own], kind="stable")]
            stays[easiest[: min(self._counts[label], len(own) - 1)]] = False
        return windows[stays]
