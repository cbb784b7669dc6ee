"""Routes: what is heard, as it is heard and as it was."""

from contextlib import closing
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.place import Here
from device_runtime.daemon.assembly import HISTORY_NAME
from device_runtime.daemon.history import History, Retention
from edgecl.events import SoundEvent, SourceEvent

router = APIRouter(tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def events(here: Here) -> StreamingResponse:
    """Server-sent events: `sound`, `source`, `enrolment`; data is one JSON document."""
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(here.broadcast.follow(), media_type="text/event-stream", headers=headers)


@router.get("/sounds")
def sounds(
    here: Here, count: Annotated[int, Query(ge=1, le=1000)] = 100, before: str = "9999"
) -> list[SoundEvent]:
    """The newest sounds, the newest first; `before` a time (RFC 3339, UTC) turns the page."""
    with closing(_history(here)) as history:
        return history.sounds(count, before)


@router.get("/conditions")
def conditions(here: Here, count: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[SourceEvent]:
    """How the source was, the newest first."""
    with closing(_history(here)) as history:
        return history.conditions(count)


def _history(here: Here) -> History:
    kept = here.config.history
    return History(here.home / HISTORY_NAME, Retention(kept.days, kept.sounds))
