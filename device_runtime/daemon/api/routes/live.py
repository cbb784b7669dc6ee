"""Route: the live feed."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.context import Context
from device_runtime.daemon.api.event_hub import LIVE
from device_runtime.daemon.api.privacy import check_privacy
from edgecl.config.privacy import NO_HISTORY

router = APIRouter(tags=["events"])


@router.get("/live", response_class=StreamingResponse)
async def follow_live(context: Context) -> StreamingResponse:
    """Stream server-sent events `moment`, two a second: level, spectrum, and a score of every task."""
    check_privacy(context.config, NO_HISTORY, "the live feed")
    return context.hub.subscribe(LIVE)
