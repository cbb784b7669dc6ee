"""Waveform → what every task says about it: the backbone runs once a window, then each different adapter.

A clip gets one score a task. Whose it is say the tasks' keys: their margins are on one scale, so the clip
belongs to the task with the largest, and to none where no task accepts it. A longer recording is a stream
(see `listen`): there every task detects for itself, since sounds overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.adapter_pool import AdapterPool
from edgecl.arrays import Floats, Tokens
from edgecl.learning.negative_labels import is_negative
from edgecl.learning.open_set import compute_margins
from edgecl.store.blob import TaskBlob
from edgecl.windows import split_into_windows


@dataclass(frozen=True)
class TaskScore:
    """What one task says about one clip."""

    task: str
    label: str
    score: float  # probability of the label, 0…1
    accepted: bool  # like what the task was taught, and not one of its negatives
    margin: float  # how much more it is like one of the task's sounds than like background, about −1…1
    threshold: float  # the smallest accepted margin
    scores: dict[str, float]  # every label's probability


def find_best_task(scores: Sequence[TaskScore]) -> TaskScore | None:
    """The first task, largest margin first, that accepts a clip; None: it is unknown to all of them."""
    return next((score for score in scores if score.accepted), None)


class Recognizer:
    """Some tasks, ready to hear."""

    def __init__(self, runtime: Runtime, tasks: Sequence[TaskBlob]) -> None:
        self.runtime = runtime
        self.tasks = tasks
        self._pool = AdapterPool(runtime.forward, tasks)

    def score_clip(self, waveform: Floats) -> list[TaskScore]:
        """One score a task for a clip [samples], the largest margin first: means over its windows."""
        return self.score_windows(split_into_windows(waveform, self.runtime.window_samples))

    def score_windows(self, windows: Floats) -> list[TaskScore]:
        """The same for the windows [N, samples] of a clip, or for a single one."""
        return self.score_tokens(self.runtime.backbone.extract_tokens(windows))

    def score_tokens(self, tokens: Tokens) -> list[TaskScore]:
        """The same for what the backbone heard in them, [N, tokens, D]."""
        embeddings = self.runtime.forward.compute_embeddings(tokens)
        said = self._pool.compute_logits(tokens, embeddings)
        scores = [_clip_score(task, logits, embeddings) for task, logits in said]
        return sorted(scores, key=lambda s: -s.margin)

    def is_single_window(self, waveform: Floats) -> bool:
        """Whether a waveform [samples] fits in one window."""
        return len(waveform) <= self.runtime.window_samples


def _clip_score(task: TaskBlob, logits: Floats, embeddings: Floats) -> TaskScore:
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
