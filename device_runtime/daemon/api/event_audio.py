"""Audio of past events: the stored clip, or what the ring buffer still holds."""

from collections import OrderedDict
from datetime import datetime
from pathlib import Path

import numpy as np

from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.pipeline.ring_buffer import FULL_SCALE, AudioRingBuffer
from device_runtime.daemon.sinks.clips import clip_span, cut_clip, encode_flac
from edgecl.arrays import Waveform
from edgecl.events import Event, SoundEvent

MAX_EVENTS = 1000  # events whose position in the stream is remembered


class EventAudio:
    """Finds the audio of the events of this daemon; an event sink of the pipeline."""

    def __init__(self, recent: AudioRingBuffer | None, clips: Path) -> None:
        """Begin without events.

        Args:
            recent: the newest audio; None if the privacy level forbids it.
            clips: folder of stored clips; no file outside of it is read.
        """
        self._recent = recent
        self._clips = clips.resolve()
        self._times_s: OrderedDict[str, tuple[float, float]] = OrderedDict()  # start and end, by event ID

    def add_event(self, event: Event) -> None:
        """Remember where a sound lies in the stream."""
        if isinstance(event, SoundEvent):
            duration = datetime.fromisoformat(event.end) - datetime.fromisoformat(event.start)
            self._times_s[event.id] = event.offset_s, event.offset_s + duration.total_seconds()
            while len(self._times_s) > MAX_EVENTS:
                self._times_s.popitem(last=False)

    def is_available(self, event: SoundEvent) -> bool:
        """Return whether `read` would find the audio of an event."""
        return self._find_clip(event) is not None or self._find_buffer(event) is not None

    def read(self, event: SoundEvent) -> bytes:
        """Return the audio of an event as FLAC.

        Raises:
            NotHereError: it is neither stored nor in the ring buffer.
        """
        path, recent = self._find_clip(event), self._find_buffer(event)
        if path:
            return path.read_bytes()
        if recent:
            return encode_flac(cut_clip(recent, *self._times_s[event.id]), recent.rate_hz)
        reason = f"there is no recording of sound '{event.id}' (any more)"
        raise NotHereError(reason, "to store recordings: keep = true under [clips] in the configuration")

    def read_latest(self, seconds: float) -> bytes:
        """Return the latest gapless audio as FLAC, at most this long; empty if there is none or silence."""
        pcm = self._recent.newest(seconds) if self._recent else None
        return (
            encode_flac(pcm, self._recent.rate_hz) if self._recent and pcm is not None and pcm.any() else b""
        )

    def get_latest(self, seconds: float) -> tuple[Waveform, int]:
        """Return the latest gapless audio [samples], at most this long and perhaps none, and its rate."""
        if self._recent is None:
            return np.zeros(0, np.float32), 1
        pcm = self._recent.newest(seconds)
        return pcm.astype(np.float32) / np.float32(FULL_SCALE), self._recent.rate_hz

    def _find_clip(self, event: SoundEvent) -> Path | None:
        path = Path(event.clip).resolve() if event.clip else None
        return path if path and path.is_relative_to(self._clips) and path.is_file() else None

    def _find_buffer(self, event: SoundEvent) -> AudioRingBuffer | None:
        times_s, recent = self._times_s.get(event.id), self._recent
        return recent if times_s and recent and recent.has(*clip_span(*times_s)) else None
