"""Routes: past events, their audio, and user feedback on them."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import soundfile
from fastapi import APIRouter, Query, Response

from device_runtime.daemon.api.context import ApiContext, Context
from device_runtime.daemon.api.feedback import (
    Corrections,
    FeedbackRequest,
    Named,
    apply_corrections,
    find_corrections,
)
from device_runtime.daemon.api.live import describe_spectrum
from device_runtime.daemon.api.privacy import check_privacy
from device_runtime.daemon.api.routes.live import RecentSpectrum
from device_runtime.daemon.api.schemas import ResponseModel
from device_runtime.daemon.sinks.history_reader import (
    HISTORY_NAME,
    Feedback,
    HistoryReader,
    StoredSound,
    translate_error,
    unknown_sound,
)
from device_runtime.daemon.sinks.history_writer import save_feedback
from edgecl.audio.memory_file import open_memory_file
from edgecl.config.privacy import NO_HISTORY, NO_MICROPHONE
from edgecl.events import SoundEvent, SourceEvent, format_time

router = APIRouter(tags=["events"])
Count = Annotated[int, Query(ge=1, le=1000)]
Sequence = Annotated[int | None, Query(ge=0, lt=2**63)]
Days = Annotated[int, Query(ge=1, le=366)]
UtcOffset = Annotated[int, Query(ge=-14 * 60, le=14 * 60)]
Day = Annotated[str | None, Query(pattern=r"^\d{4}-\d\d-\d\d$")]


class SoundView(StoredSound):
    """A detected sound with its feedback."""

    verdict: Feedback | None
    """User feedback, if any."""
    audible: bool
    """Whether its recording is available."""


class SoundCount(ResponseModel):
    """How often a sound was detected on one day."""

    day: str
    task: str
    label: str
    count: int


class FeedbackResult(ResponseModel):
    """The feedback as stored, and the corrections that followed from it."""

    verdict: Feedback
    correction: dict[str, Any] | None
    """Output of `edgecl correct --json`; None if no task was corrected. If a second task should unlearn the
    sound, `also` holds its output, or None if it cannot, for a reason given in `notes`."""


FLAC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/sounds")
def list_sounds(
    context: Context,
    count: Count = 100,
    before: Sequence = None,
    task: str | None = None,
    label: str | None = None,
    day: Day = None,
    utc_offset_min: UtcOffset = 0,
) -> list[SoundView]:
    """List detected sounds, newest first, of one day or of all.

    For the next page set `before` to the smallest `sequence`.
    """
    with _open_history(context) as history:
        if history is None:
            return []
        events = history.sounds(count, before, task, label, day, utc_offset_min)
        return [_describe_sound(context, history, event) for event in events]


@router.get("/conditions")
def list_conditions(context: Context, count: Count = 100) -> list[SourceEvent]:
    """List changes of the source's state, newest first."""
    with _open_history(context) as history:
        return history.conditions(count) if history else []


@router.get("/sounds/{identity}/audio", response_class=Response, responses=FLAC)
def get_audio(context: Context, identity: str) -> Response:
    """Return the recording of a sound: the stored clip, or audio of the last two minutes."""
    check_privacy(context.config, NO_MICROPHONE, "audio of the microphone")
    return Response(context.event_audio.read(_find_sound(context, identity)), media_type="audio/flac")


@router.get("/sounds/{identity}/spectrum")
def get_spectrum(context: Context, identity: str) -> RecentSpectrum:
    """Return level and spectrum of the recording of a sound."""
    check_privacy(context.config, NO_MICROPHONE, "audio of the microphone")
    event = _find_sound(context, identity)
    with open_memory_file(context.event_audio.read(event)) as file:
        waveform, rate_hz = soundfile.read(file.fileno(), dtype="float32", closefd=False)
    return RecentSpectrum(time=event.end, **describe_spectrum([waveform], rate_hz))


@router.get("/sound-counts")
def count_sounds(
    context: Context, days: Days = 7, utc_offset_min: UtcOffset = 0, task: str | None = None
) -> list[SoundCount]:
    """Count the sounds of the last days, by day and label; days begin at midnight of this offset from UTC."""
    with _open_history(context) as history:
        counts = history.count_sounds(days, utc_offset_min, task) if history else []
    return [SoundCount(day=day, task=name, label=label, count=count) for day, name, label, count in counts]


@router.post("/sounds/{identity}/verdict")
def add_feedback(context: Context, identity: str, request: FeedbackRequest) -> FeedbackResult:
    """Give feedback on a sound; unless it was confirmed, tasks are corrected."""
    event = _find_sound(context, identity)
    corrections = find_corrections(context, event, request)
    named = (request.task, request.label) if isinstance(request, Named) else (event.task, event.label)
    feedback = Feedback(kind=request.kind, task=named[0], label=named[1], time=format_time(time.time()))
    correction = _correct(context, event, corrections) if corrections.targets else None
    save_feedback(context.home / HISTORY_NAME, identity, feedback)
    return FeedbackResult(verdict=feedback, correction=correction)


def _correct(context: ApiContext, event: SoundEvent, corrections: Corrections) -> dict[str, Any]:
    check_privacy(context.config, NO_MICROPHONE, "audio of the microphone")
    audio = context.event_audio.read(event)
    with (
        context.sessions.lock_training(corrections.targets[0].task),
        context.make_scratch_folder() as folder,
    ):
        path = folder / f"{event.id}.flac"
        path.write_bytes(audio)
        return apply_corrections(context, path, corrections)


def _describe_sound(context: ApiContext, history: HistoryReader, event: StoredSound) -> SoundView:
    audible = context.config.privacy < NO_MICROPHONE and context.event_audio.is_available(event)
    return SoundView(**event.model_dump(), verdict=history.feedback(event.id), audible=audible)


def _find_sound(context: ApiContext, identity: str) -> SoundEvent:
    with _open_history(context) as history:
        if history is None:
            raise unknown_sound(identity)
        return history.sound(identity)


@contextmanager
def _open_history(context: ApiContext) -> Iterator[HistoryReader | None]:
    """Open the history for one request; None if there is none, or the privacy level forbids it.

    Raises:
        StoreError: it cannot be read.
    """
    forbidden = context.config.privacy >= NO_HISTORY
    history = None if forbidden else HistoryReader.open(context.home / HISTORY_NAME)
    if history is None:
        yield None
        return
    with closing(history):
        try:
            yield history
        except sqlite3.Error as error:
            raise translate_error(context.home / HISTORY_NAME, "read", error) from error
