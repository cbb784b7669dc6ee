"""The live feed: level, spectrum and scores of each window. Nothing is computed without a subscriber."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np

from device_runtime.daemon.api.event_hub import LIVE, EventHub
from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.recognition.stream import WindowResult
from edgecl.arrays import Floats, Waveform
from edgecl.audio.levels import band_levels_dbfs, level_dbfs, quantize_levels
from edgecl.events import format_time
from edgecl.learning.negative_labels import is_negative

NO_COLUMNS = np.zeros((0, 1), np.float32)
COLUMNS = 10  # a window; windows are half a second apart
COLUMN_S = 0.05


class LiveFeed:
    """Publishes each window on the live channel, from a thread of its own."""

    def __init__(
        self, hub: EventHub, controls: Controls, rate_hz: int, with_sound: bool, supervisor: ThreadSupervisor
    ) -> None:
        """Start the thread.

        Args:
            hub: where windows are published.
            controls: the thresholds in force.
            rate_hz: sample rate of the windows.
            with_sound: whether the privacy level allows the spectrum and its levels.
            supervisor: runs the thread.
        """
        self._hub, self._controls = hub, controls
        self._rate_hz, self._with_sound = rate_hz, with_sound
        self._queue: SinkQueue[tuple[float, WindowResult]] = SinkQueue(
            self._publish, name="live feed", supervisor=supervisor
        )

    def add(self, update: StreamUpdate) -> None:
        """Queue a window for the subscribers, if there are any."""
        if update.window and self._hub.has_subscribers(LIVE):
            self._queue.put((update.stream_s, update.window))

    def close(self) -> None:
        """End the thread."""
        self._queue.close()

    def _publish(self, item: tuple[float, WindowResult]) -> None:
        stream_s, window = item
        columns = split_columns(window.last_hop) if self._with_sound else NO_COLUMNS
        document = {
            "time": format_time(stream_s + window.end_s),
            "level_dbfs": window.level_dbfs,
            **_format_spectrum(*_measure_columns(columns, self._rate_hz)),
            "scores": [self._format_score(one) for one in window.scores],
        }
        self._hub.publish("moment", document, LIVE)

    def _format_score(self, one: TaskScore) -> dict[str, Any]:
        threshold = self._controls.thresholds(one.task).get(one.label, one.threshold)
        return {
            "task": one.task,
            "label": one.label,
            "score": round(one.score, 4),
            "margin": round(one.margin, 4),
            "threshold": round(threshold, 4),
            "accepted": one.margin >= threshold and not is_negative(one.label),
        }


def describe_spectrum(blocks: Iterable[Waveform], rate_hz: int) -> dict[str, Any]:
    """Return level and spectrum of every 50 ms of blocks [samples], as in the live feed."""
    size = round(COLUMN_S * rate_hz)
    levels_dbfs, bands, rest = list[float](), b"", np.zeros(0, np.float32)
    for block in blocks:
        waveform = np.concatenate([rest, block])
        whole = waveform.size // size * size
        more_dbfs, more_bands = _measure_columns(waveform[:whole].reshape(-1, size), rate_hz)
        levels_dbfs, bands, rest = levels_dbfs + more_dbfs, bands + more_bands, waveform[whole:]
    return _format_spectrum(levels_dbfs, bands)


def _measure_columns(columns: Floats, rate_hz: int) -> tuple[list[float], bytes]:
    """Return the levels in dBFS and the bands of columns [N, samples], the bands as bytes."""
    bands = quantize_levels(band_levels_dbfs(columns, rate_hz)) if columns.size else b""
    return [level_dbfs(column) for column in columns], bands


def _format_spectrum(levels_dbfs: list[float], bands: bytes) -> dict[str, Any]:
    return {"levels_dbfs": levels_dbfs, "bands": b64encode(bands).decode()}


def split_columns(newest: Floats) -> Floats:
    """Cut the newest audio [samples] into columns [10, samples / 10]."""
    size = newest.size // COLUMNS
    return newest[-size * COLUMNS :].reshape(COLUMNS, size)
