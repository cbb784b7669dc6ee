"""Nearest class mean (Mensink et al., TPAMI 2013) on the frozen embedding: argmin_k ‖z − μ_k‖.

Deviations: no metric is learnt (the paper's W); embeddings are scaled to length 1 first, as iCaRL does.
"""

import numpy as np

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.tasks import Task, labels_of

FLOAT_BYTES = 4


class NearestMean:
    """One mean for each class; the nearest one wins."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._means: list[Doubles] = []  # of each class of the sequence, [P]

    def learn(self, task: Task) -> None:
        """See `Method`."""
        embeddings, labels = unit(self._bench.embeddings(task.train)), labels_of(task.train)
        self._means += [embeddings[labels == label].mean(axis=0) for label in range(len(task.labels))]

    def scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._nearness(task)[:, task.classes]

    def answers(self, task: Task) -> Integers:
        """See `Method`."""
        return self._nearness(task).argmax(axis=1)

    def kept_bytes(self) -> int:
        """The means as float32."""
        return FLOAT_BYTES * sum(mean.size for mean in self._means)

    def _nearness(self, task: Task) -> Doubles:
        return nearness(unit(self._bench.embeddings(task.test)), np.stack(self._means))


def unit(features: Doubles) -> Doubles:
    """Features [N, P] scaled to length 1."""
    scaled: Doubles = features / np.linalg.norm(features, axis=1, keepdims=True)
    return scaled


def nearness(features: Doubles, means: Doubles) -> Doubles:
    """Minus the squared distance of features [N, P] to each mean [K, P], [N, K]."""
    return np.stack([-np.square(features - mean).sum(axis=1) for mean in means], axis=1)
