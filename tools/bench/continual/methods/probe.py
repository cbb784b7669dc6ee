"""Logistic regression on the frozen embedding, one per task: the usual linear probe."""

from collections.abc import Sequence

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.tasks import Clip, Task, labels_of

FLOAT_BYTES = 4


class LinearProbe:
    """StandardScaler and LogisticRegression (C = 0.05) on the mean embedding of each clip.

    Args:
        network: the cache identity of the network whose embeddings are used; None: the backbone.
    """

    def __init__(self, inputs: MethodInputs, network: str | None = None) -> None:
        self._inputs, self._network = inputs, network
        self._probes: dict[str, Pipeline] = {}

    def learn(self, task: Task) -> None:
        """See `Method`."""
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
        self._probes[task.name] = probe.fit(self._load(task.train), labels_of(task.train))

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        scores: Doubles = self._probes[task.name].predict_proba(self._load(task.test))
        return scores

    def predict_classes(self, task: Task) -> Integers | None:
        """Return None: probabilities of separate regressions cannot be compared."""
        return None

    def count_stored_bytes(self) -> int:
        """Return the bytes of scalers and coefficients as float32."""
        regressions = [probe[-1] for probe in self._probes.values()]
        return FLOAT_BYTES * sum(r.coef_.size + r.intercept_.size + 2 * r.coef_.shape[1] for r in regressions)

    def _load(self, clips: Sequence[Clip]) -> Doubles:
        return self._inputs.load_embeddings(clips, self._network)
