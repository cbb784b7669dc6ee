"""Routes: cut a long recording of one sound into recordings of an enrolment. Upload, look, listen, choose."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Context, hold
from device_runtime.daemon.api.enrolment_session import Cut, EnrolmentSession
from device_runtime.daemon.api.live import describe_spectrum
from device_runtime.daemon.api.problems import NotHereError, TooMuchError
from device_runtime.daemon.api.routes.enrolments import NO_SNIFF
from device_runtime.daemon.api.routes.live import Spectrum
from device_runtime.daemon.api.routes.tasks import AUDIO_BODY
from device_runtime.daemon.api.schemas import (
    CutView,
    EnrolmentView,
    FoundTakeView,
    RequestModel,
    ResponseModel,
)
from device_runtime.workflows.cut import CutRequest, CutResult
from device_runtime.workflows.cut import cut as run
from edgecl.annotated_clips import cut_clips
from edgecl.annotations import Region
from edgecl.audio.reader import SAMPLE_RATE_HZ, stream_clip
from edgecl.class_folders import check_class_name
from edgecl.errors import AudioError, EdgeclError, UsageError
from edgecl.learning.negative_labels import NEGATIVE, is_negative

router = APIRouter(tags=["enrolments"])
WAV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}
}


class CutResponse(ResponseModel):
    """The long recording that was added."""

    cut: str
    """Its `id` among the cuts."""
    enrolment: EnrolmentView


class TakeChoice(RequestModel):
    """Which takes of a long recording become recordings of the enrolment."""

    dropped: list[int]
    """Numbers of the takes that are left out."""
    negative: str = NEGATIVE
    """Label of the pieces of the room between the takes, which is never an answer."""


@router.post("/enrolments/{identity}/cuts", status_code=201, openapi_extra=AUDIO_BODY)
async def add_long_recording(
    context: Context, request: Request, identity: str, label: str, name: str = "recording.wav"
) -> CutResponse:
    """Add a long recording of one sound, and find the takes in it: what stands out from the rest.

    It may have ten minutes and 120 MB; the suffix of `name` selects the decoder.
    """
    check_class_name(label)
    session = context.sessions.find(identity)
    session.check_can_add_cut()  # before the upload and the search, which take long
    path = session.make_path(limits.check_suffix(name))
    try:
        await limits.save_body(request, path, limits.MAX_LONG_BODY_BYTES)
        search = CutRequest(path, label, longest_s=limits.MAX_SOUND_S)
        found = await run_in_threadpool(_cut, context, search, name)
        cut = Cut(_describe_cut(found, name), path)
        session.add_cut(cut)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return CutResponse(cut=cut.view.id, enrolment=session.to_view())


@router.get("/enrolments/{identity}/cuts/{cut}/spectrum")
def get_cut_spectrum(context: Context, identity: str, cut: str) -> Spectrum:
    """Return level and spectrum of a long recording."""
    session = context.sessions.find(identity)
    with session.open_cut(cut) as found, stream_clip(found.path) as stream:
        return Spectrum(**describe_spectrum(stream.blocks, SAMPLE_RATE_HZ))


@router.get("/enrolments/{identity}/cuts/{cut}/takes/{number}", response_class=Response, responses=WAV)
def get_cut_take(context: Context, identity: str, cut: str, number: int) -> Response:
    """Return the audio of one take of a long recording."""
    session = context.sessions.find(identity)
    with session.open_cut(cut) as found, context.make_scratch_folder() as folder:
        take = next((one for one in found.view.takes if one.number == number), None)
        if take is None:
            raise NotHereError(f"there is no take {number}", f"the takes are 1 to {len(found.view.takes)}")
        region = Region(take.start_s, take.end_s, found.view.label)
        clips, rejected = cut_clips(found.path, [region], folder)
        if rejected:
            raise AudioError(rejected[0].reason, rejected[0].hint)
        return Response(clips[0][0].read_bytes(), media_type="audio/wav", headers=NO_SNIFF)


@router.post("/enrolments/{identity}/cuts/{cut}/clips", status_code=201)
def add_cut_clips(context: Context, identity: str, cut: str, choice: TakeChoice) -> EnrolmentView:
    """Add the takes of a long recording, and as many pieces of the room, as recordings; delete it.

    There are fewer pieces of the room where the enrolment has no place for more recordings.
    """
    session = context.sessions.find(identity)
    if not is_negative(check_class_name(choice.negative)):
        raise UsageError(f"'{choice.negative}' is not a label of other sounds", f"such as '{NEGATIVE}'")
    session.check_editable()
    with session.open_cut(cut) as found, context.make_scratch_folder() as folder:
        max_rooms = _count_places_left(session, found, choice.dropped)
        request = CutRequest(found.path, found.view.label, folder, choice.dropped, max_rooms=max_rooms)
        result = _cut(context, request, found.view.name)
        clips = [
            (path, choice.negative if is_negative(label) else label)
            for label, paths in result.clips.items()
            for path in paths
        ]
        session.add_clips(found, clips)
    return session.to_view()


@router.delete("/enrolments/{identity}/cuts/{cut}")
def remove_cut(context: Context, identity: str, cut: str) -> EnrolmentView:
    """Remove a long recording."""
    session: EnrolmentSession = context.sessions.find(identity)
    session.remove_cut(session.find_cut(cut))
    return session.to_view()


def _count_places_left(session: EnrolmentSession, cut: Cut, dropped: Collection[int]) -> int:
    """Return how many recordings the enrolment can still have after the chosen takes.

    Raises:
        TooMuchError: there is no place for all of these takes.
    """
    takes = sum(take.number not in dropped for take in cut.view.takes)
    places = limits.MAX_RECORDINGS - len(session.takes)
    if takes > places:
        raise TooMuchError(f"{takes} takes, room for {places} more", "drop some")
    return places - takes


def _cut(context: ApiContext, request: CutRequest, name: str) -> CutResult:
    """Run the workflow; errors name the recording as it was uploaded."""
    with hold(context.predict_slots, "other recordings are being processed"):
        try:
            return run(request)
        except EdgeclError as error:
            raise type(error)(error.message.replace(str(request.recording), name[-80:]), error.hint) from None


def _describe_cut(result: CutResult, name: str) -> CutView:
    return CutView(
        id=result.recording.stem.removeprefix("."),
        label=result.label,
        name=name[-80:],
        duration_s=result.duration_s,
        takes=[FoundTakeView(number=number, **asdict(take)) for number, take in enumerate(result.takes, 1)],
        notes=[note.replace(str(result.recording), name[-80:]) for note in result.notes],
    )
