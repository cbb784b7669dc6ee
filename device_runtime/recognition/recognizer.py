"""Scores clips with all tasks: the backbone runs once per window, then each different adapter.

A clip gets one score per task. Open-set margins of all tasks are on one scale, so the clip belongs to the
accepting task with the largest margin, and to none where no task accepts it. A longer recording is a stream
(see `recognition.stream`), in which every task detects independently, because sounds overlap.

A task whose scores are not finite is set aside with a warning, and the others go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.adapter_pool import AdapterPool
from device_runtime.system.progress import ignore_warning
from edgecl.arrays import Floats, Tokens, Waveform, Windows
from edgecl.learning.negative_labels import is_negative
from edgecl.learning.open_set import compute_margins
from edgecl.store.blob import TaskBlob
from edgecl.windows import split_into_windows


@dataclass(frozen=True)
class TaskScore:
    """The score of a clip by one task."""

    task: str
    label: str  # the most probable one
    score: float  # probability of the label, 0…1
    accepted: bool  # whether the margin reaches the threshold and the label is no negative
    margin: float  # similarity to the task's sounds less similarity to background, about −1…1
    threshold: float  # the smallest margin that is accepted
    scores: dict[str, float]  # probability of every label


def find_best_task(scores: Sequence[TaskScore]) -> TaskScore | None:
    """Return the first score that is accepted; None where the clip is unknown to all tasks.

    Args:
        scores: the largest margin first.
    """
    return next((score for score in scores if score.accepted), None)


class Recognizer:
    """A bundle's runtime and some tasks to recognise."""

    def __init__(
        self, runtime: Runtime, tasks: Sequence[TaskBlob], warn: Callable[[str], None] = ignore_warning
    ) -> None:
        """Prepare the tasks; `warn` receives a sentence for every task that is set aside."""
        self.runtime = runtime
        self.tasks = tasks
        self.set_aside: set[str] = set()
        """Tasks that are skipped because they had scores that are not finite."""
        self._pool = AdapterPool(runtime.forward, tasks)
        self._warn = warn

    def score_clip(self, waveform: Waveform) -> list[TaskScore]:
        """Return the score of a clip [samples] by every task, largest margin first; windows are averaged."""
        return self.score_windows(split_into_windows(waveform, self.runtime.window_samples))

    def score_windows(self, windows: Windows) -> list[TaskScore]:
        """Return the same for the windows [N, samples] of a clip, or for a single window."""
        return self.score_tokens(self.runtime.backbone.extract_tokens(windows))

    def score_tokens(self, tokens: Tokens) -> list[TaskScore]:
        """Return the same for the tokens [N, tokens, D] of a clip's windows."""
        embeddings = self.runtime.forward.compute_embeddings(tokens)
        scores = []
        with np.errstate(over="ignore", invalid="ignore"):
            for task, logits in self._pool.compute_logits(tokens, embeddings):
                score = _score_clip(task, logits, embeddings)
                if task.task in self.set_aside:
                    continue
                if np.isfinite([score.margin, *score.scores.values()]).all():
                    scores.append(score)
                elif np.isfinite(embeddings).all():  # the fault is the task's, not the sound's
                    self._set_aside(task.task)
        return sorted(scores, key=lambda score: -score.margin)

    def _set_aside(self, task: str) -> None:
        self.set_aside.add(task)
        hint = f"enrol it again, or 'edgecl forget {task}'"
        self._warn(f"task '{task}' is set aside: its scores are not finite; {hint}")

    def is_single_window(self, waveform: Waveform) -> bool:
        """Return whether a waveform [samples] fits into one window."""
        return len(waveform) <= self.runtime.window_samples


def _score_clip(task: TaskBlob, logits: Floats, embeddings: Floats) -> TaskScore:
    scores = softmax(logits).mean(axis=0)
    margin = float(compute_margins(embeddings, task.keys).max(axis=1).mean())
    best = int(scores.argmax())
    return TaskScore(
        task=task.task,
        label=task.labels[best],
        score=float(scores[best]),
        accepted=margin >= task.record.threshold and not is_negative(task.labels[best]),
        margin=margin,
        threshold=task.record.threshold,
        scores=dict(zip(task.labels, scores.tolist(), strict=True)),
    )
