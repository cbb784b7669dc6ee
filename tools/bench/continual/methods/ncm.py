"""Nearest class mean (Mensink et al., TPAMI 2013) on the frozen embedding: argmin_k ‖z − μ_k‖.

Deviations: no metric is learnt (the paper's W); embeddings are scaled to length 1 first, as iCaRL does.
"""

import numpy as np

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.tasks import Task, labels_of

FLOAT_BYTES = 4


class NearestMean:
    """One mean per class; the nearest mean is the prediction."""

    def __init__(self, inputs: MethodInputs) -> None:
        self._inputs = inputs
        self._means: list[Doubles] = []  # of each class of the sequence, [P]

    def learn(self, task: Task) -> None:
        """See `Method`."""
        embeddings, labels = (
            scale_to_unit_length(self._inputs.load_embeddings(task.train)),
            labels_of(task.train),
        )
        self._means += [embeddings[labels == label].mean(axis=0) for label in range(len(task.labels))]

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._compute_scores(task)[:, task.classes]

    def predict_classes(self, task: Task) -> Integers:
        """See `Method`."""
        return self._compute_scores(task).argmax(axis=1)

    def count_stored_bytes(self) -> int:
        """Return the bytes of the means as float32."""
        return FLOAT_BYTES * sum(mean.size for mean in self._means)

    def _compute_scores(self, task: Task) -> Doubles:
        return negative_squared_distance(
            scale_to_unit_length(self._inputs.load_embeddings(task.test)), np.stack(self._means)
        )


def scale_to_unit_length(features: Doubles) -> Doubles:
    """Scale features [N, P] to length 1."""
    scaled: Doubles = features / np.linalg.norm(features, axis=1, keepdims=True)
    return scaled


def negative_squared_distance(features: Doubles, means: Doubles) -> Doubles:
    """Compute minus the squared distance [N, K] of features [N, P] to each mean [K, P]."""
    return np.stack([-np.square(features - mean).sum(axis=1) for mean in means], axis=1)
