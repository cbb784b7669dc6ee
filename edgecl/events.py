"""What the daemon tells: the contract with everything that listens to it, frozen per version.

Two kinds of event, each one JSON document: a sound that begins, goes on or has ended, and a source of sound
whose condition changed. All phases of a sound carry the same `id`, so the newest says all that is known.
Fields may be added within a version; none changes its meaning or goes away.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

from edgecl.bundle.manifest import Record, Sha256
from edgecl.detection import Phase

State = Literal["starting", "listening", "silent", "clipping", "wrong rate", "hung", "failed"]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
"""RFC 3339, UTC, to the millisecond."""


class SoundEvent(Record):
    """A sound that a task detects."""

    kind: Literal["sound"] = "sound"
    version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The same from `new` to `end`; the same again when the same recording is heard from the same time."""
    phase: Phase
    """`new`: it was confirmed; `update`: it goes on, recognised more surely; `end`: it is over."""
    source: str
    task: str
    """`_loud` where it is no task's, only loud."""
    label: str
    score: Annotated[float, Field(ge=0, le=1)]
    """The best probability of the label among the task's own, so far."""
    margin: float
    """The largest margin so far: how much more it is like what was taught than like background."""
    threshold: float
    """The margin from which it counts."""
    start: Time
    end: Time
    """As far as it was heard until now."""
    offset_s: float
    """Where it starts, in seconds since the source was opened."""
    level_dbfs: float
    """The loudest of its windows, RMS."""
    blob_sha256: Sha256 | None
    """Which version of the task heard it."""
    clip: str | None
    """The recording of it, once it has ended and where clips are kept."""
    exact: bool = True
    """False at privacy 3: `start` is that of the minute, and every other figure says nothing."""


class SourceEvent(Record):
    """A source of sound whose condition changed."""

    kind: Literal["source"] = "source"
    version: Literal[1] = 1
    time: Time
    source: str
    state: State
    detail: str
    """A sentence; empty where there is nothing to say."""
    hint: str
    """What to do about it."""
    lost_frames: Annotated[int, Field(ge=0)]
    """How many never arrived since it was opened."""


Event = SoundEvent | SourceEvent


def to_line(event: Event) -> str:
    """The event as one line of JSON in ASCII, safe for terminals and logs."""
    return json.dumps(event.model_dump(), allow_nan=False)


def format_time(unix_s: float) -> Time:
    """A moment of the wall clock as events tell it."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_event_id(source: str, task: str, label: str, start: Time) -> str:
    """The identity of a sound."""
    return sha256("\0".join((source, task, label, start)).encode()).hexdigest()[:16]
