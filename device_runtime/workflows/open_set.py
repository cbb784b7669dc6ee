"""How well a task rejects what it was never trained on, measured on recordings without any of its sounds."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from device_runtime.recognition.recognizer import Recognizer, TaskScore
from device_runtime.recognition.stream import TaskDetection
from device_runtime.system.progress import Progress
from device_runtime.workflows.documents import Document
from device_runtime.workflows.predict import predict_clip
from edgecl.arrays import Doubles
from edgecl.audio.faults import Fault
from edgecl.audio.reader import LONG_LIMITS, RejectedFile, read_or_reject
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import DatasetError
from edgecl.learning.metrics import auroc, false_positive_rate

HOUR_S = 3600.0
MIN_HOURS = 5 / 60
"""Below that no rate is reported: one false alarm in half a minute would be a hundred per hour."""


@dataclass(frozen=True)
class UnknownResult:
    """A recording without any of the task's sounds, and the task's score for it."""

    path: Path
    duration_s: float
    score: TaskScore
    false_alarms: list[TaskDetection] | None
    """What was detected in it; None for a clip that fits in one window."""
    is_enrolled: bool
    """Whether the task was trained on this recording."""
    faults: tuple[Fault, ...]
    """Of the recording, though it can be used."""


@dataclass(frozen=True)
class OpenSetReport:
    """How well the task separates recordings of its sounds from unknown ones."""

    known: Sequence[TaskScore]
    """Scores of recordings of the task's sounds."""
    unknown: list[UnknownResult]
    rejected_files: list[RejectedFile]

    @property
    def auroc(self) -> float | None:
        """Return the share of pairs whose known recording has the larger margin; None without known."""
        return auroc(*self._margins) if self.known else None

    @property
    def fpr_at_95_tpr(self) -> float | None:
        """Return the share of unknown recordings accepted where 95 % of the known ones are."""
        return false_positive_rate(*self._margins) if self.known else None

    @property
    def rejected(self) -> float:
        """Return the share of unknown recordings that the task rejects with its own threshold."""
        return sum(not one.score.accepted for one in self.unknown) / len(self.unknown)

    @property
    def hours(self) -> float:
        """Return the duration of the unknown recordings longer than a window, in hours."""
        return sum(one.duration_s for one in self.unknown if one.false_alarms is not None) / HOUR_S

    @property
    def false_alarms(self) -> int:
        """Return the number of events detected in these hours."""
        return sum(len(one.false_alarms or ()) for one in self.unknown)

    @property
    def false_alarms_per_hour(self) -> float | None:
        """Return the rate of false alarms; None where these recordings are too short."""
        return self.false_alarms / self.hours if self.hours >= MIN_HOURS else None

    @property
    def _margins(self) -> tuple[Doubles, Doubles]:
        known = np.array([score.margin for score in self.known])
        return known, np.array([one.score.margin for one in self.unknown])

    def to_document(self) -> Document:
        """Return everything as plain values."""
        return {
            "recordings": len(self.unknown),
            "auroc": self.auroc,
            "fpr_at_95_tpr": self.fpr_at_95_tpr,
            "rejected": self.rejected,
            "hours": self.hours,
            "false_alarms": self.false_alarms,
            "false_alarms_per_hour": self.false_alarms_per_hour,
            "files": [
                {
                    "file": str(one.path),
                    "accepted": one.score.accepted,
                    "margin": one.score.margin,
                    "alarms": [asdict(alarm.detection) for alarm in one.false_alarms or ()],
                }
                for one in self.unknown
            ],
        }


def measure_rejection(
    recognizer: Recognizer,
    known: Sequence[TaskScore],
    folder: Path,
    enrolled: Collection[str],
    progress: Progress,
) -> OpenSetReport:
    """Measure the one task of a recognizer on every recording of a folder without any of its sounds.

    Args:
        recognizer: holds this task only.
        known: its scores of recordings of its own sounds.
        folder: the unknown recordings.
        enrolled: hashes of the recordings that the task was trained on.
        progress: called after every recording.

    Raises:
        UsageError: there is no such folder, or no recording in it.
        DatasetError: none of them can be used.
    """
    files, report = find_audio_files([folder]), OpenSetReport(known, [], [])
    for number, path in enumerate(files):
        progress("unknown sounds", number, len(files))
        clip = read_or_reject(path, LONG_LIMITS, recognizer.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            report.rejected_files.append(clip)
            continue
        (score,) = recognizer.score_clip(clip.waveform)
        is_clip = recognizer.is_single_window(clip.waveform)
        alarms = None if is_clip else predict_clip(recognizer, clip).events
        report.unknown.append(
            UnknownResult(path, clip.duration_s, score, alarms, clip.sha256 in enrolled, clip.faults)
        )
    progress("unknown sounds", len(files), len(files))
    if not report.unknown:
        raise DatasetError(f"no recording in {str(folder)!r} can be used: {report.rejected_files[0].reason}")
    return report
