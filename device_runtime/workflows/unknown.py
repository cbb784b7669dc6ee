"""How well a task knows what it does not know: measured on recordings that hold none of its sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_runtime.recognition.recognizer import Recognizer, TaskScore
from device_runtime.recognition.stream import TaskDetection, detect_sounds
from device_runtime.system.progress import Progress
from edgecl.audio.reader import RejectedFile, read_or_reject
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import DatasetError
from edgecl.learning.metrics import auroc, false_positive_rate

HOUR_S = 3600.0
LEAST_HOURS = 5 / 60
"""Of fewer no rate is told: one alarm in half a minute would be a hundred an hour."""


@dataclass(frozen=True)
class UnknownResult:
    """A recording of none of the task's sounds, and what the task made of it."""

    path: Path
    duration_s: float
    score: TaskScore
    alarms: list[TaskDetection] | None
    """What was detected in it, each a false alarm; None for a clip that fits in one window."""


@dataclass(frozen=True)
class OpenSetReport:
    """Known sounds against strangers."""

    known: Sequence[TaskScore]
    strangers: list[UnknownResult]
    refused: list[RejectedFile]

    @property
    def auroc(self) -> float | None:
        """How often a known recording has a larger margin than a stranger; None without known ones."""
        return auroc(*self._margins) if self.known else None

    @property
    def fpr_at_95_tpr(self) -> float | None:
        """Share of the strangers that would be accepted where 95 % of the known recordings are."""
        return false_positive_rate(*self._margins) if self.known else None

    @property
    def rejected(self) -> float:
        """Share of the strangers that the task rejects with its own threshold."""
        return sum(not one.score.accepted for one in self.strangers) / len(self.strangers)

    @property
    def hours(self) -> float:
        """How much was listened to continuously: the strangers longer than a window."""
        return sum(one.duration_s for one in self.strangers if one.alarms is not None) / HOUR_S

    @property
    def false_alarms(self) -> int:
        """What was detected in these hours, confirmed over several windows."""
        return sum(len(one.alarms or ()) for one in self.strangers)

    @property
    def false_alarms_per_hour(self) -> float | None:
        """The same by the hour; None where too little was listened to."""
        return self.false_alarms / self.hours if self.hours >= LEAST_HOURS else None

    @property
    def _margins(self) -> tuple[np.ndarray, np.ndarray]:
        known = np.array([score.margin for score in self.known])
        return known, np.array([one.score.margin for one in self.strangers])


def meet(
    recognizer: Recognizer, known: Sequence[TaskScore], folder: Path, progress: Progress
) -> OpenSetReport:
    """What the one task of `recognizer` makes of every recording in a folder of strangers.

    Args:
        known: what it makes of recordings of its own sounds.

    Raises:
        UsageError: there is no such folder, or no recording in it.
        DatasetError: none of them can be used.
    """
    files, met = find_audio_files([folder]), OpenSetReport(known, [], [])
    for number, path in enumerate(files):
        progress("meeting strangers", number, len(files))
        clip = read_or_reject(path, rate_hz=recognizer.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            met.refused.append(clip)
            continue
        (score,) = recognizer.score_clip(clip.waveform)
        alarms = (
            None if recognizer.is_single_window(clip.waveform) else detect_sounds(recognizer, clip.waveform)
        )
        met.strangers.append(UnknownResult(path, clip.duration_s, score, alarms))
    progress("meeting strangers", len(files), len(files))
    if not met.strangers:
        raise DatasetError(f"no recording in {str(folder)!r} can be used: {met.refused[0].reason}")
    return met
