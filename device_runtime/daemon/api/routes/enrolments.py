"""Routes: enrol a task while the daemon runs. Begin, add recordings, try or start, follow, cancel."""

from mimetypes import guess_type
from typing import Annotated, Any

import soundfile
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Context, hold
from device_runtime.daemon.api.enrolment_session import EnrolmentSession
from device_runtime.daemon.api.privacy import check_privacy
from device_runtime.daemon.api.problems import TooMuchError
from device_runtime.daemon.api.routes.tasks import AUDIO_BODY
from device_runtime.daemon.api.schemas import EnrolmentView, RequestModel, ResponseModel, TakeView
from device_runtime.daemon.pipeline.ring_buffer import API_BUFFER_S
from device_runtime.daemon.worker.protocol import Mode
from edgecl.class_folders import check_class_name
from edgecl.config.privacy import NO_MICROPHONE
from edgecl.errors import TaskExistsError, UsageError
from edgecl.task_names import check_task_name

router = APIRouter(tags=["enrolments"])
AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}
}
NO_SNIFF = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class EnrolmentRequest(RequestModel):
    """A new enrolment."""

    task: str
    mode: Mode = "new"
    """`replace` trains an existing task from these recordings alone; `add` adds them to its training set."""


class TakeResponse(ResponseModel):
    """The recording that was added."""

    take: str
    """Its `id` among the takes."""
    label: str
    seconds: float
    enrolment: EnrolmentView


@router.post("/enrolments", status_code=201)
def begin_enrolment(context: Context, request: EnrolmentRequest) -> EnrolmentView:
    """Begin an enrolment."""
    task = check_task_name(request.task)
    with context.open_store() as store:
        existing = {entry.task for entry in store.list_tasks()}
        if request.mode == "add":
            store.find_task(task)
    if request.mode == "new" and task in existing:
        raise TaskExistsError(f"task '{task}' is already enrolled", "set mode to 'replace' or 'add'")
    if task not in existing and len(existing) >= limits.MAX_TASKS:
        raise TooMuchError(f"there are {limits.MAX_TASKS} tasks already", "forget one of them")
    return context.sessions.begin(task, request.mode).to_view()


@router.get("/enrolments")
def list_enrolments(context: Context) -> list[EnrolmentView]:
    """List the enrolments of the last hour."""
    return [session.to_view() for session in context.sessions.list_sessions()]


@router.get("/enrolments/{identity}")
def get_enrolment(context: Context, identity: str) -> EnrolmentView:
    """Return the state of an enrolment; `/events` reports every change of it."""
    return context.sessions.find(identity).to_view()


@router.post("/enrolments/{identity}/recordings", status_code=201, openapi_extra=AUDIO_BODY)
async def add_recording(
    context: Context, request: Request, identity: str, label: str, name: str = "recording.wav"
) -> TakeResponse:
    """Add an audio file as a recording of a label; the suffix of `name` selects the decoder."""
    session = context.sessions.find(identity)
    path = session.make_path(limits.check_suffix(name))
    await limits.save_body(request, path)
    return _describe_take(session, await run_in_threadpool(session.add_take, path, label, name))


@router.post("/enrolments/{identity}/record", status_code=201)
def record(
    context: Context,
    identity: str,
    label: str,
    seconds: Annotated[float, Query(ge=0.5, le=limits.MAX_RECORD_S)],
) -> TakeResponse:
    """Record from the daemon's microphone, starting now; detection goes on."""
    session = context.sessions.find(identity)
    check_class_name(label)
    check_privacy(context.config, NO_MICROPHONE, "audio of the microphone")
    with hold(context.record_lock, "a recording is being made already"):
        waveform = context.tap.record(seconds)
    path = session.make_path(".wav")
    soundfile.write(path, waveform, context.tap.rate_hz, subtype="PCM_16")
    return _describe_take(session, session.add_take(path, label))


@router.post("/enrolments/{identity}/start", status_code=202)
def start_training(context: Context, identity: str) -> EnrolmentView:
    """Start training in a worker process; the task is in use about a second after it is stored."""
    session = _find_nonempty(context, identity)
    context.sessions.start(session)
    return session.to_view()


@router.post("/enrolments/{identity}/try", status_code=202)
def start_trial(context: Context, identity: str) -> EnrolmentView:
    """Start training without storing the task, and report what it detects in the last two minutes."""
    session = _find_nonempty(context, identity)
    context.sessions.start_trial(session, context.event_audio.read_latest(API_BUFFER_S))
    return session.to_view()


@router.get("/enrolments/{identity}/takes/{take}", response_class=FileResponse, responses=AUDIO)
def get_recording(context: Context, identity: str, take: str) -> FileResponse:
    """Return the file of a recording."""
    found = context.sessions.find(identity).find_take(take)
    kind, _ = guess_type(found.path.name)
    return FileResponse(found.path, media_type=kind or "application/octet-stream", headers=NO_SNIFF)


@router.delete("/enrolments/{identity}/takes/{take}")
def remove_recording(context: Context, identity: str, take: str) -> EnrolmentView:
    """Remove a recording."""
    session = context.sessions.find(identity)
    session.remove_take(take)
    return session.to_view()


@router.delete("/enrolments/{identity}")
def cancel_enrolment(context: Context, identity: str) -> EnrolmentView:
    """Cancel an enrolment in any state and delete its recordings."""
    session = context.sessions.find(identity)
    context.sessions.cancel(session)
    return session.to_view()


def _describe_take(session: EnrolmentSession, take: TakeView) -> TakeResponse:
    return TakeResponse(take=take.id, label=take.label, seconds=take.seconds, enrolment=session.to_view())


def _find_nonempty(context: ApiContext, identity: str) -> EnrolmentSession:
    """Return an enrolment that has recordings.

    Raises:
        UsageError: it has none.
    """
    session = context.sessions.find(identity)
    if not session.takes:
        raise UsageError("there are no recordings yet", "POST /enrolments/ID/recordings?label=LABEL")
    return session
