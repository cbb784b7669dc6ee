"""Routes: what is heard, as it is heard."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.context import Here

router = APIRouter(tags=["events"])


def event_stream(told: AsyncIterator[str]) -> StreamingResponse:
    """Server-sent events as they are told."""
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/events", response_class=StreamingResponse)
async def events(here: Here) -> StreamingResponse:
    """Server-sent events: `sound`, `source`, `enrolment`, `tasks`, `log`; data is one JSON document."""
    return event_stream(here.broadcast.follow())
