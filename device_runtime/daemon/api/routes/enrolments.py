"""Routes: teach a task while listening. Begin, add recordings one by one, start, follow, cancel."""

from mimetypes import guess_type
from typing import Annotated, Any

import soundfile
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from device_runtime.daemon.api import limits, privacy
from device_runtime.daemon.api.context import ApiContext, Here, held
from device_runtime.daemon.api.enrolment_schema import EnrolmentView, Mode, TakeView
from device_runtime.daemon.api.enrolment_session import EnrolmentSession, check_label
from device_runtime.daemon.api.problems import TooMuchError
from device_runtime.daemon.api.routes.tasks import RAW
from device_runtime.daemon.pipeline.builder import ASKED_FOR_S
from edgecl.config.privacy import NO_MICROPHONE
from edgecl.errors import TaskExistsError, UsageError
from edgecl.task_names import check_task_name

router = APIRouter(tags=["enrolments"])
AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}
}
AS_IT_IS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class EnrolmentRequest(BaseModel):
    """What is to be learnt."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str
    mode: Mode = "new"
    """`replace` learns a task anew, `add` teaches it more."""


class TakeResponse(BaseModel):
    """A recording that was added."""

    take: str
    """Its `id` among the takes."""
    label: str
    seconds: float
    enrolment: EnrolmentView


@router.post("/enrolments", status_code=201)
def begin(here: Here, wanted: EnrolmentRequest) -> EnrolmentView:
    """Begin an enrolment."""
    task = check_task_name(wanted.task)
    with here.store() as store:
        known = {entry.task for entry in store.list_tasks()}
        if wanted.mode == "add":
            store.find_task(task)
    if wanted.mode == "new" and task in known:
        raise TaskExistsError(f"task '{task}' is already enrolled", "set mode to 'replace' or 'add'")
    if task not in known and len(known) >= limits.TASKS:
        raise TooMuchError(f"there are {limits.TASKS} tasks already", "forget one of them")
    return here.sessions.begin(task, wanted.mode).tell()


@router.get("/enrolments")
def enrolments(here: Here) -> list[EnrolmentView]:
    """All enrolments of the last hour."""
    return [session.tell() for session in here.sessions.all()]


@router.get("/enrolments/{identity}")
def enrolment(here: Here, identity: str) -> EnrolmentView:
    """How an enrolment is; `/events` tells of every change."""
    return here.sessions.get(identity).tell()


@router.post("/enrolments/{identity}/recordings", status_code=201, openapi_extra=RAW)
async def add(
    here: Here, request: Request, identity: str, label: str, name: str = "recording.wav"
) -> TakeResponse:
    """Add a recording of a sound; one that cannot be used is refused at once."""
    session = here.sessions.get(identity)
    path = session.place_of(limits.suffix_of(name))
    await limits.save_body(request, path)
    return _taken(session, await run_in_threadpool(session.take, path, label, name))


@router.post("/enrolments/{identity}/record", status_code=201)
def record(
    here: Here, identity: str, label: str, seconds: Annotated[float, Query(ge=0.5, le=limits.RECORD_S)]
) -> TakeResponse:
    """Add what the daemon's own microphone hears from now on; it goes on listening."""
    session = here.sessions.get(identity)
    check_label(label)
    privacy.demand(here.config, NO_MICROPHONE, "what the microphone hears")
    with held(here.recording, "somebody records already"):
        waveform = here.tap.record(seconds)
    path = session.place_of(".wav")
    soundfile.write(path, waveform, here.tap.rate_hz, subtype="PCM_16")
    return _taken(session, session.take(path, label))


@router.post("/enrolments/{identity}/start", status_code=202)
def start(here: Here, identity: str) -> EnrolmentView:
    """Learn, in a process of its own; the daemon hears the task a second after it is stored."""
    session = _with_takes(here, identity)
    here.sessions.start(session)
    return session.tell()


@router.post("/enrolments/{identity}/try", status_code=202)
def rehearse(here: Here, identity: str) -> EnrolmentView:
    """Learn without storing anything, and say what the task would have heard in the last two minutes."""
    session = _with_takes(here, identity)
    here.sessions.rehearse(session, here.heard.last(ASKED_FOR_S))
    return session.tell()


@router.get("/enrolments/{identity}/takes/{take}", response_class=FileResponse, responses=AUDIO)
def listen_again(here: Here, identity: str, take: str) -> FileResponse:
    """A recording, as it was given."""
    found = here.sessions.get(identity).find(take)
    kind, _ = guess_type(found.path.name)
    return FileResponse(found.path, media_type=kind or "application/octet-stream", headers=AS_IT_IS)


@router.delete("/enrolments/{identity}/takes/{take}")
def drop(here: Here, identity: str, take: str) -> EnrolmentView:
    """Take a recording out again."""
    session = here.sessions.get(identity)
    session.drop(take)
    return session.tell()


@router.delete("/enrolments/{identity}")
def cancel(here: Here, identity: str) -> EnrolmentView:
    """End an enrolment, whatever it does."""
    session = here.sessions.get(identity)
    here.sessions.cancel(session)
    return session.tell()


def _taken(session: EnrolmentSession, take: TakeView) -> TakeResponse:
    return TakeResponse(take=take.id, label=take.label, seconds=take.seconds, enrolment=session.tell())


def _with_takes(here: ApiContext, identity: str) -> EnrolmentSession:
    """An enrolment that has recordings.

    Raises:
        UsageError: it has none.
    """
    session = here.sessions.get(identity)
    if not session.takes:
        raise UsageError("there are no recordings yet", "POST /enrolments/ID/recordings?label=LABEL")
    return session
