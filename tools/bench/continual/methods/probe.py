"""Logistic regression on the frozen embedding, one for each task: what a user does today."""

from collections.abc import Sequence

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.tasks import Clip, Task, labels_of

FLOAT_BYTES = 4


class LinearProbe:
    """StandardScaler and LogisticRegression (C = 0.05) on the mean embedding of each clip.

    Args:
        network: the identity of the memory whose embeddings are taken; None: the backbone's.
    """

    def __init__(self, bench: Workbench, network: str | None = None) -> None:
        self._bench, self._network = bench, network
        self._probes: dict[str, Pipeline] = {}

    def learn(self, task: Task) -> None:
        """See `Method`."""
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
        self._probes[task.name] = probe.fit(self._features(task.train), labels_of(task.train))

    def scores(self, task: Task) -> Doubles:
        """See `Method`."""
        scores: Doubles = self._probes[task.name].predict_proba(self._features(task.test))
        return scores

    def answers(self, task: Task) -> Integers | None:
        """None: probabilities of separate regressions cannot be compared."""
        return None

    def kept_bytes(self) -> int:
        """Scaler and coefficients as float32."""
        regressions = [probe[-1] for probe in self._probes.values()]
        return FLOAT_BYTES * sum(r.coef_.size + r.intercept_.size + 2 * r.coef_.shape[1] for r in regressions)

    def _features(self, clips: Sequence[Clip]) -> Doubles:
        if self._network is None:
            return self._bench.embeddings(clips)
        return self._bench.embeddings_by(self._network, clips)
