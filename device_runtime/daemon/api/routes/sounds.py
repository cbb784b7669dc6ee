"""Routes: what was heard, how it sounded, and what somebody says it was."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from device_runtime.daemon.api import privacy
from device_runtime.daemon.api.context import ApiContext, Here
from device_runtime.daemon.api.feedback import Corrections, FeedbackRequest, Named, claims_of, learn
from device_runtime.daemon.sinks.history import judge_sound
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME, Feedback, HistoryReader, not_heard
from edgecl.config.privacy import NO_HISTORY, NO_MICROPHONE
from edgecl.events import SoundEvent, SourceEvent, format_time

router = APIRouter(tags=["events"])
Count = Annotated[int, Query(ge=1, le=1000)]


class SoundView(SoundEvent):
    """A sound, and what became of it."""

    verdict: Feedback | None
    """What somebody says it was."""
    audible: bool
    """Whether its sound can be had."""


class FeedbackResult(BaseModel):
    """What was said, and what a task learnt from it."""

    verdict: Feedback
    correction: dict[str, Any] | None
    """`edgecl correct --json`; None where nothing was to be learnt. Where a second task is to unlearn the
    sound, `also` is the same of that one, or None where it cannot, which `notes` explain."""


FLAC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/sounds")
def sounds(
    here: Here, count: Count = 100, before: str = "9999", task: str | None = None, label: str | None = None
) -> list[SoundView]:
    """The newest sounds, the newest first; `before` a time (RFC 3339, UTC) turns the page."""
    with _past(here) as past:
        return [_view(here, past, one) for one in past.sounds(count, before, task, label)] if past else []


@router.get("/conditions")
def conditions(here: Here, count: Count = 100) -> list[SourceEvent]:
    """How the source was, the newest first."""
    with _past(here) as past:
        return past.conditions(count) if past else []


@router.get("/sounds/{identity}/audio", response_class=Response, responses=FLAC)
def audio(here: Here, identity: str) -> Response:
    """How it sounded: the clip, or what is remembered of the last two minutes."""
    privacy.demand(here.config, NO_MICROPHONE, "what was heard")
    return Response(here.heard.audio(_sound(here, identity)), media_type="audio/flac")


@router.post("/sounds/{identity}/verdict")
def judge(here: Here, identity: str, word: FeedbackRequest) -> FeedbackResult:
    """Say what a sound was; where it was not what was heard, a task learns from it."""
    event = _sound(here, identity)
    claims = claims_of(here, event, word)
    said = (word.task, word.label) if isinstance(word, Named) else (event.task, event.label)
    judgement = Feedback(kind=word.kind, task=said[0], label=said[1], time=format_time(time.time()))
    correction = _corrected(here, event, claims) if claims.all else None
    judge_sound(here.home / HISTORY_NAME, identity, judgement)
    return FeedbackResult(verdict=judgement, correction=correction)


def _corrected(here: ApiContext, event: SoundEvent, claims: Corrections) -> dict[str, Any]:
    privacy.demand(here.config, NO_MICROPHONE, "what was heard")
    sound = here.heard.audio(event)
    with here.sessions.turn_of(claims.all[0].task), here.scratch() as folder:
        path = folder / f"{event.id}.flac"
        path.write_bytes(sound)
        return learn(here, path, claims)


def _view(here: ApiContext, past: HistoryReader, event: SoundEvent) -> SoundView:
    audible = here.config.privacy < NO_MICROPHONE and here.heard.is_audible(event)
    return SoundView(**event.model_dump(), verdict=past.judgement(event.id), audible=audible)


def _sound(here: ApiContext, identity: str) -> SoundEvent:
    with _past(here) as past:
        if past is None:
            raise not_heard(identity)
        return past.sound(identity)


@contextmanager
def _past(here: ApiContext) -> Iterator[HistoryReader | None]:
    """The history, for one request; None where there is none, or what it holds is nobody's business."""
    past = None if here.config.privacy >= NO_HISTORY else HistoryReader.open(here.home / HISTORY_NAME)
    if past is None:
        yield None
        return
    with closing(past):
        yield past
