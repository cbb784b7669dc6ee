"""What a task that was only tried would have heard in a recording, such as the last minutes of a room."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import TaskDetection, detect_sounds
from edgecl.audio.reader import Clip, read_clip
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class EnrolmentTrial:
    """What was heard, and in how much sound."""

    heard: list[TaskDetection]
    heard_s: float

    @property
    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"heard": [_sound(one) for one in self.heard], "heard_s": self.heard_s}

    @property
    def sentences(self) -> list[str]:
        """The same for people."""
        if not self.heard_s:
            return []
        if not self.heard:
            return [f"in {self.heard_s:.1f} s it heard nothing of its own"]
        return [
            f"heard {one.detection.label} from {one.detection.start_s:.1f} to {one.detection.end_s:.1f} s, "
            f"margin {one.detection.margin:+.2f}"
            for one in self.heard
        ]


def rehearse(runtime: Runtime, task: TaskBlob, clip: Clip | None) -> EnrolmentTrial:
    """What the task alone detects in a recording; nothing where there is none."""
    if clip is None:
        return EnrolmentTrial([], 0.0)
    return EnrolmentTrial(detect_sounds(Recognizer(runtime, [task]), clip.waveform), clip.duration_s)


def to_be_heard(path: Path | None, rate_hz: int) -> Clip | None:
    """The recording that is named.

    Raises:
        AudioError: it cannot be used.
    """
    return None if path is None else read_clip(path, rate_hz=rate_hz)


def _sound(one: TaskDetection) -> dict[str, Any]:
    found = one.detection
    return {
        "task": one.task,
        "label": found.label,
        "start_s": found.start_s,
        "end_s": found.end_s,
        "score": found.score,
        "margin": found.margin,
    }
