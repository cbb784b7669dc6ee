"""Routes: what is heard this very moment. Nothing is computed while nobody follows."""

from base64 import b64encode
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from device_runtime.daemon.api import privacy
from device_runtime.daemon.api.context import Here
from device_runtime.daemon.api.event_hub import LIVE, EventHub
from device_runtime.daemon.api.routes.events import event_stream
from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.recognition.stream import WindowResult
from edgecl.arrays import Floats
from edgecl.audio.levels import band_levels_dbfs, level_dbfs, quantize_levels
from edgecl.config.privacy import NO_HISTORY
from edgecl.events import format_time
from edgecl.learning.negative_labels import is_negative

router = APIRouter(tags=["events"])
NO_COLUMNS = np.zeros((0, 1), np.float32)
COLUMNS = 10  # a moment; half a second of it is new, so a column is 50 ms


@router.get("/live", response_class=StreamingResponse)
async def live(here: Here) -> StreamingResponse:
    """Server-sent events, two a second: `moment`, with levels, spectrum and every task's score."""
    privacy.demand(here.config, NO_HISTORY, "what is heard this moment")
    return event_stream(here.broadcast.follow(LIVE))


class LiveFeed:
    """Tells those who follow of every window; who listens only hands it over."""

    def __init__(self, broadcast: EventHub, controls: Controls, rate_hz: int, with_sound: bool) -> None:
        """Begin.

        Args:
            rate_hz: at which windows are heard.
            with_sound: whether the spectrum and its levels may be told.
        """
        self._broadcast, self._controls = broadcast, controls
        self._rate_hz, self._with_sound = rate_hz, with_sound
        self._outbox: SinkQueue[tuple[float, WindowResult]] = SinkQueue(self._tell)

    def watch(self, report: StreamUpdate) -> None:
        """See a window."""
        if report.moment and self._broadcast.is_followed(LIVE):
            self._outbox.put((report.stream_s, report.moment))

    def close(self) -> None:
        """That was all."""
        self._outbox.close()

    def _tell(self, heard: tuple[float, WindowResult]) -> None:
        stream_s, moment = heard
        columns = pieces(moment.last_hop) if self._with_sound else NO_COLUMNS
        document = {
            "time": format_time(stream_s + moment.end_s),
            "level_dbfs": moment.level_dbfs,
            "levels_dbfs": [level_dbfs(column) for column in columns],
            "bands": b64encode(self._bands(columns)).decode(),
            "scores": [self._score(one) for one in moment.scores],
        }
        self._broadcast.tell("moment", document, LIVE)

    def _bands(self, columns: Floats) -> bytes:
        return quantize_levels(band_levels_dbfs(columns, self._rate_hz)) if columns.size else b""

    def _score(self, one: TaskScore) -> dict[str, Any]:
        threshold = self._controls.thresholds(one.task).get(one.label, one.threshold)
        return {
            "task": one.task,
            "label": one.label,
            "score": round(one.score, 4),
            "margin": round(one.margin, 4),
            "threshold": round(threshold, 4),
            "accepted": one.margin >= threshold and not is_negative(one.label),
        }


def pieces(newest: Floats) -> Floats:
    """The newest sound [samples], cut into columns [10, samples / 10]."""
    size = newest.size // COLUMNS
    return newest[-size * COLUMNS :].reshape(COLUMNS, size)
