"""The events that the daemon emits: a contract with all receivers, frozen per version.

There are three kinds, each one JSON document: a sound that starts, continues or ends, an audio source whose
state changes, and a part of the daemon that fails and is restarted. All phases of a sound have the same `id`,
and the newest holds all that is known. Fields may be added within a version; none is removed or changes its
meaning.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

from edgecl.bundle.manifest import Record, Sha256
from edgecl.detection import Phase

State = Literal[
    "starting",
    "listening",
    "silent",
    "clipping",
    "wrong rate",
    "opposite phase",
    "one channel dead",
    "dc offset",
    "too soft",
    "hung",
    "failed",
]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
"""RFC 3339, UTC, to the millisecond."""


class SoundEvent(Record):
    """A sound that a task detected."""

    kind: Literal["sound"] = "sound"
    version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The same from `new` to `end`, and the same if a recording is processed again from the same time."""
    phase: Phase
    """`new`: it was confirmed; `update`: it continues with a larger margin; `end`: it is over."""
    source: str
    """Name of the source."""
    task: str
    """`_loud` for a sound that exceeded the level of [loud]."""
    label: str
    """Label of the task; `loud` for `_loud`."""
    score: Annotated[float, Field(ge=0, le=1)]
    """The highest probability of the label so far."""
    margin: float
    """The largest margin so far: similarity to the task's recordings minus similarity to background."""
    threshold: float
    """The smallest accepted margin."""
    start: Time
    """Time at which it began."""
    end: Time
    """The end so far."""
    offset_s: float
    """The start in seconds since the source was opened."""
    level_dbfs: float
    """The RMS level of its loudest window."""
    blob_sha256: Sha256 | None
    """The version of the task that detected it."""
    clip: str | None
    """The recording of it, after its end and if clips are kept."""
    exact: bool = True
    """False at privacy 3: `start` is truncated to the minute, and all other figures are placeholders."""


class SourceEvent(Record):
    """An audio source whose state changed."""

    kind: Literal["source"] = "source"
    version: Literal[1] = 1
    time: Time
    """Time of the change."""
    source: str
    """Name of the source."""
    state: State
    """The new condition."""
    detail: str
    """A sentence, or empty."""
    hint: str
    """What to do about it, or empty."""
    lost_frames: Annotated[int, Field(ge=0)]
    """Number of frames lost since it was opened."""


class FaultEvent(Record):
    """A part of the daemon that failed unexpectedly."""

    kind: Literal["fault"] = "fault"
    version: Literal[1] = 1
    time: Time
    """Time of the failure."""
    part: str
    """The part, such as `folder import`."""
    detail: str
    """What happened."""
    hint: str
    """What to do about it, or empty."""
    count: Annotated[int, Field(ge=1)]
    """Number of failures of this part since the daemon started; the 1st, 2nd, 4th, 8th, … is an event."""


Event = SoundEvent | SourceEvent | FaultEvent


def to_line(event: Event) -> str:
    """Serialize an event as one line of JSON in ASCII, safe for terminals and logs."""
    return json.dumps(event.model_dump(), allow_nan=False)


def format_time(unix_s: float) -> Time:
    """Format a Unix time as RFC 3339, UTC, to the millisecond."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_event_id(source: str, task: str, label: str, start: Time) -> str:
    """Make the id of a sound."""
    return sha256("\0".join((source, task, label, start)).encode()).hexdigest()[:16]
