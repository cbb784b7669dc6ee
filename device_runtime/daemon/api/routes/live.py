"""Routes: the live feed, and what came before it."""

import time

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api.context import Context
from device_runtime.daemon.api.event_hub import LIVE
from device_runtime.daemon.api.live import describe_spectrum
from device_runtime.daemon.api.privacy import check_privacy
from device_runtime.daemon.api.schemas import ResponseModel
from edgecl.config.privacy import NO_HISTORY, NO_MICROPHONE
from edgecl.events import format_time

router = APIRouter(tags=["events"])
RECENT_S = 30.0


class Spectrum(ResponseModel):
    """Level and spectrum of a recording, in columns of 50 ms."""

    levels_dbfs: list[float]
    bands: str
    """48 bytes a column, from the lowest band to the highest, in Base64: 0 is −100 dBFS, 255 is 0 dBFS."""


class RecentSpectrum(Spectrum):
    """Level and spectrum of some seconds of the microphone."""

    time: str
    """When the last column ended."""


@router.get("/live", response_class=StreamingResponse)
async def follow_live(context: Context) -> StreamingResponse:
    """Stream server-sent events `moment`, two a second: level, spectrum, and a score of every task."""
    check_privacy(context.config, NO_HISTORY, "the live feed")
    return context.hub.subscribe(LIVE)


@router.get("/live/recent")
def get_recent(context: Context) -> RecentSpectrum:
    """Return level and spectrum of the last 30 seconds, which a client that begins to follow has missed."""
    check_privacy(context.config, NO_MICROPHONE, "audio of the microphone")
    waveform, rate_hz = context.event_audio.get_latest(RECENT_S)
    return RecentSpectrum(time=format_time(time.time()), **describe_spectrum([waveform], rate_hz))
