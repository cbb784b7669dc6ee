"""Waveform → what every task says about it: the backbone runs once a window, then each task's adapter.

A clip gets one score a task. Whose it is say the tasks' keys: their margins are on one scale, so the clip
belongs to the task with the largest, and to none where no task accepts it. A longer recording is heard
window after window, half a second apart, and gets detections: from when to when, which label; there every
task detects for itself, since sounds overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from device_runtime.adapter import probabilities
from device_runtime.backbone import Floats, Tokens
from device_runtime.runtime import Runtime
from edgecl.blob import TaskBlob
from edgecl.decision import Confirmation, Detection, WindowScore, detections
from edgecl.keys import margins
from edgecl.negatives import is_negative
from edgecl.windows import clip_windows, stream_windows

HOP_S = 0.5


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


def belonging(scores: Sequence[TaskScore]) -> TaskScore | None:
    """The first task, largest margin first, that accepts a clip; None: it is unknown to all of them."""
    return next((score for score in scores if score.accepted), None)


@dataclass(frozen=True)
class Heard:
    """A detection, and the task that made it."""

    task: str
    detection: Detection


class Recognizer:
    """Some tasks, ready to hear."""

    def __init__(self, runtime: Runtime, tasks: Sequence[TaskBlob]) -> None:
        self.runtime = runtime
        self.tasks = tasks

    def clip(self, waveform: Floats) -> list[TaskScore]:
        """One score a task for a clip [samples], the largest margin first: means over its windows."""
        tokens = self.runtime.backbone.tokens(clip_windows(waveform, self.runtime.window_samples))
        embeddings = self.runtime.forward.embeddings(tokens)
        scores = [self._clip_score(task, tokens, embeddings) for task in self.tasks]
        return sorted(scores, key=lambda s: -s.margin)

    def recording(self, waveform: Floats) -> list[Heard]:
        """Everything all tasks detect in a recording [samples], in order of time."""
        hop_samples = round(HOP_S * self.runtime.rate_hz)
        windows = list(
            stream_windows(waveform, self.runtime.window_samples, hop_samples, self.runtime.rate_hz)
        )
        starts_s = [start_s for start_s, _ in windows]
        tokens = self.runtime.backbone.tokens([window for _, window in windows])
        embeddings = self.runtime.forward.embeddings(tokens)
        rule = Confirmation(needed=min(Confirmation().needed, len(starts_s)))
        heard = [
            Heard(task.task, detection)
            for task in self.tasks
            for detection in detections(self._window_scores(task, starts_s, tokens, embeddings), HOP_S, rule)
        ]
        return sorted(heard, key=lambda h: (h.detection.start_s, h.task))

    def is_one_clip(self, waveform: Floats) -> bool:
        """Whether a waveform [samples] fits in one window."""
        return len(waveform) <= self.runtime.window_samples

    def _clip_score(self, task: TaskBlob, tokens: Tokens, embeddings: Floats) -> TaskScore:
        logits, _ = self.runtime.forward.run(tokens, task.parameters, task.normalizer)
        scores = probabilities(logits).mean(axis=0)
        margin = float(margins(embeddings, task.keys).max(axis=1).mean())
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

    def _window_scores(
        self, task: TaskBlob, starts_s: list[float], tokens: Tokens, embeddings: Floats
    ) -> list[WindowScore]:
        logits, _ = self.runtime.forward.run(tokens, task.parameters, task.normalizer)
        scores = probabilities(logits)
        labels = [task.labels[best] for best in scores.argmax(axis=1)]
        near = margins(embeddings, task.keys).max(axis=1) >= task.record.threshold
        length_s = self.runtime.window_samples / self.runtime.rate_hz
        return [
            WindowScore(
                start_s, start_s + length_s, label, float(score), bool(known) and not is_negative(label)
            )
            for start_s, label, score, known in zip(starts_s, labels, scores.max(axis=1), near, strict=True)
        ]
