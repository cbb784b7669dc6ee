"""Base classes of request and response models, and the models that several routes share."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from device_runtime.daemon.worker.protocol import Mode

SessionState = Literal["collecting", "trying", "tried", "learning", "done", "cancelled"]
OPEN_STATES: tuple[SessionState, ...] = ("collecting", "trying", "tried", "learning")
EDITABLE_STATES: tuple[SessionState, ...] = ("collecting", "tried")
"""States in which recordings may be added and removed."""


class RequestModel(BaseModel):
    """Base class of JSON bodies of requests: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ResponseModel(BaseModel):
    """Base class of JSON bodies of responses."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Step(ResponseModel):
    """Progress of training."""

    stage: str
    done: int
    total: int


class TakeView(ResponseModel):
    """One recording of an enrolment."""

    id: str
    label: str
    seconds: float
    name: str
    """File name as uploaded; "recording N" for one made with the daemon's microphone."""


class FoundTakeView(ResponseModel):
    """One occurrence of a sound in a long recording."""

    number: int
    start_s: float
    end_s: float
    level_dbfs: float
    """Of its loudest tenth of a second."""


class CutView(ResponseModel):
    """A long recording and the takes found in it, which are not yet recordings of the enrolment."""

    id: str
    label: str
    """The sound in it."""
    name: str
    """File name as uploaded."""
    duration_s: float
    takes: list[FoundTakeView]
    notes: list[str]
    """Sentences on what is wrong with the recording, though it can be used."""


class EnrolmentView(ResponseModel):
    """State of an enrolment."""

    id: str
    task: str
    mode: Mode
    state: SessionState
    recordings: dict[str, int]
    """Label → number of recordings."""
    takes: list[TakeView]
    sound_s: float
    """Total duration of all recordings."""
    cuts: list[CutView]
    """Long recordings whose takes wait for a choice."""
    progress: Step | None
    result: dict[str, Any] | None
    """Output of `edgecl enroll --json`, in the states `tried` and `done`."""
    detail: str
    """Why training failed; empty otherwise. The recordings are kept."""
    hint: str
    """What to do next."""
    pid: int | None
    """Process ID of the training process."""


class RoomView(ResponseModel):
    """Held-out recordings of a task's sounds, played in one room at enrolment."""

    name: str
    rt60_s: float
    """Reverberation time."""
    direct_to_reverberant_db: float
    snr_db: float
    """Level of the sound over that of the noise."""
    detected: int
    """Recordings that were answered with their label."""
    recordings: int


class PointView(ResponseModel):
    """One point of a learning curve."""

    recordings: int
    accuracy: float
    low: float
    """Lower end of the 95 % confidence interval."""
    high: float
    """Upper end."""


class Task(ResponseModel):
    """An enrolled task."""

    task: str
    labels: tuple[str, ...]
    created: str
    size_bytes: int
    sha256: str
    previous_sha256: str | None
    """The version that `undo` restores."""
    fingerprint: str
    """Fingerprint of the backbone that the task was trained on."""
    threshold: float
    """Smallest accepted margin, as set at enrolment."""
    thresholds: dict[str, float]
    """Label → smallest accepted margin in force."""
    negatives: list[str]
    """Labels that are never reported."""
    held_out_accuracy: float | None
    """Accuracy on held-out recordings, 0…1."""
    method: str
    """Training method."""
    recordings: int
    """Number of recordings in the training set."""
    curve: list[PointView]
    """Learning curve: accuracy by number of recordings."""
    rooms: list[RoomView]
    """What was detected of held-out recordings, room by room; empty where that was not measured."""
    heard: bool
    """Whether the running pipeline detects this version of the task."""
