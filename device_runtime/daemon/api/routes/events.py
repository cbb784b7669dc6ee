"""Route: events as they happen."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.context import Context

router = APIRouter(tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def follow_events(context: Context) -> StreamingResponse:
    """Stream server-sent events `sound`, `source`, `enrolment`, `tasks`, `log`, each one JSON document."""
    return context.hub.subscribe()
