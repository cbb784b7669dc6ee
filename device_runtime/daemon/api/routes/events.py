"""Route: events as they happen."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.context import Context

router = APIRouter(tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def follow_events(context: Context) -> StreamingResponse:
    """Stream server-sent events `sound`, `source`, `fault`, `enrolment`, `tasks`, `log`: JSON documents."""
    return context.hub.subscribe()
