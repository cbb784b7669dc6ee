"""The sound of what was heard: the clip that was kept, or what is still remembered of it."""

from collections import OrderedDict
from datetime import datetime
from pathlib import Path

from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.clips import cut, flac, kept
from edgecl.events import Event, SoundEvent

MOST = 1000  # sounds whose times are known


class EventAudio:
    """Where the sounds of this daemon are; a sink for events."""

    def __init__(self, recent: AudioRingBuffer | None, clips: Path) -> None:
        """`clips`: the folder outside of which no clip is read."""
        self._recent = recent
        self._clips = clips.resolve()
        self._times_s: OrderedDict[str, tuple[float, float]] = OrderedDict()  # of the source, by identity

    def take(self, event: Event) -> None:
        """Remember from when to when a sound was heard."""
        if isinstance(event, SoundEvent):
            lasted = datetime.fromisoformat(event.end) - datetime.fromisoformat(event.start)
            self._times_s[event.id] = event.offset_s, event.offset_s + lasted.total_seconds()
            while len(self._times_s) > MOST:
                self._times_s.popitem(last=False)

    def is_audible(self, event: SoundEvent) -> bool:
        """Whether its sound can be had."""
        return self._kept(event) is not None or self._remembered(event) is not None

    def audio(self, event: SoundEvent) -> bytes:
        """Its sound, as FLAC.

        Raises:
            NotHereError: nothing of it is left.
        """
        path, recent = self._kept(event), self._remembered(event)
        if path:
            return path.read_bytes()
        if recent:
            return flac(cut(recent, *self._times_s[event.id]), recent.rate_hz)
        reason = f"the sound '{event.id}' is not remembered any more"
        raise NotHereError(reason, "to keep clips: keep = true under [clips] in the configuration")

    def last(self, seconds: float) -> bytes:
        """The newest sound without a gap, as FLAC; empty where there is none."""
        pcm = self._recent.last(seconds) if self._recent else None
        return flac(pcm, self._recent.rate_hz) if self._recent and pcm is not None and pcm.any() else b""

    def _kept(self, event: SoundEvent) -> Path | None:
        path = Path(event.clip).resolve() if event.clip else None
        return path if path and path.is_relative_to(self._clips) and path.is_file() else None

    def _remembered(self, event: SoundEvent) -> AudioRingBuffer | None:
        times_s, recent = self._times_s.get(event.id), self._recent
        return recent if times_s and recent and recent.holds(*kept(*times_s)) else None
