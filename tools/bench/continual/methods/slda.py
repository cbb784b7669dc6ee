"""Deep streaming linear discriminant analysis (Hayes & Kanan, CVPR-W 2020, §3) on the frozen embedding.

Class means and one covariance shared by all classes; scores are Λμ_k · z − ½ μ_k · Λμ_k, where Λ is the
inverse of the covariance shrunk towards the identity.

Deviations: the covariance is updated once per task, which gives the same sum as clip by clip, since no class
returns in a later task; embeddings are scaled to length 1; the identity is weighted by the mean variance,
with a shrinkage of 0.1 instead of 1e-4, since there are fewer clips than features.
"""

import numpy as np

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.methods.ncm import scale_to_unit_length
from tools.bench.continual.tasks import Task, labels_of

FLOAT_BYTES = 4
SHRINKAGE = 0.1


class StreamingLda:
    """Running means and a running covariance."""

    def __init__(self, inputs: MethodInputs) -> None:
        self._inputs = inputs
        width = inputs.runtime.bundle.manifest.head_features
        self._means = np.zeros((0, width))  # [K, P]
        self._scatter = np.zeros((width, width))  # Σ (z − μ)(z − μ)ᵀ
        self._clips = 0

    def learn(self, task: Task) -> None:
        """See `Method`."""
        embeddings, labels = (
            scale_to_unit_length(self._inputs.load_embeddings(task.train)),
            labels_of(task.train),
        )
        means = np.stack([embeddings[labels == label].mean(axis=0) for label in range(len(task.labels))])
        residuals = embeddings - means[labels]
        self._means = np.concatenate([self._means, means])
        self._scatter += residuals.T @ residuals
        self._clips += len(labels)
        self._weights = np.linalg.solve(self._shrink_covariance(), self._means.T)  # Λμ, [P, K]

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._compute_scores(task)[:, task.classes]

    def predict_classes(self, task: Task) -> Integers:
        """See `Method`."""
        return self._compute_scores(task).argmax(axis=1)

    def count_stored_bytes(self) -> int:
        """Return the bytes of means and covariance as float32."""
        return FLOAT_BYTES * (self._means.size + self._scatter.size)

    def _shrink_covariance(self) -> Doubles:
        covariance = self._scatter / self._clips
        scale = covariance.trace() / len(covariance) or 1.0  # single clips have no variance
        return (1 - SHRINKAGE) * covariance + SHRINKAGE * scale * np.eye(len(covariance))

    def _compute_scores(self, task: Task) -> Doubles:
        embeddings = scale_to_unit_length(self._inputs.load_embeddings(task.test))
        return embeddings @ self._weights - 0.5 * np.einsum("kp,pk->k", self._means, self._weights)
