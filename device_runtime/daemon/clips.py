"""A sink: recordings of what was heard, as FLAC, where the owner of the device wants them. Off by default.

    folder/2026-05-01/07-31-02.500 alarms doorbell 3f….flac

The newest half minute is remembered, so a clip begins a little before its sound does; of a longer sound it
holds the end. The folder has a quota; the oldest clips make room.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from device_runtime.daemon.outbox import Outbox
from device_runtime.daemon.source import Waveform
from edgecl.errors import StoreError
from edgecl.events import SoundEvent

LONGEST_S = 30.0
AROUND_S = 1.0  # kept before and after a sound
WAITING_BYTES = 32 << 20  # of clips that the disk has not taken yet
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Clip:
    """A recording on its way to the disk."""

    path: Path
    waveform: Waveform
    rate_hz: int

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return self.waveform.nbytes


class Recent:
    """The newest samples of a stream."""

    def __init__(self, rate_hz: int, seconds: float = LONGEST_S + 2 * AROUND_S) -> None:
        self.rate_hz = rate_hz
        self._ring = np.zeros(round(seconds * rate_hz), np.float32)
        self._heard = 0  # samples since the stream began

    def feed(self, chunk: Waveform) -> None:
        """Remember a chunk [samples] and forget as many."""
        newest = chunk[-self._ring.size :]
        places = np.arange(self._heard + chunk.size - newest.size, self._heard + chunk.size)
        self._ring[places % self._ring.size] = newest
        self._heard += chunk.size

    def reset(self) -> None:
        """Begin a new stream."""
        self._heard = 0

    def cut(self, start_s: float, end_s: float) -> Waveform:
        """What is remembered of the stream between two times, float32 [samples]."""
        first = max(0, round(start_s * self.rate_hz), self._heard - self._ring.size)
        last = min(self._heard, round(end_s * self.rate_hz))
        return self._ring[np.arange(first, max(first, last)) % self._ring.size]


class Clips:
    """A folder of clips that stays within its quota."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        self.folder = folder
        self._quota_bytes = quota_bytes

    def path_of(self, event: SoundEvent) -> Path:
        """Where the clip of a sound goes."""
        day, time = event.start.rstrip("Z").split("T")
        words = UNSAFE.sub("_", f"{event.task} {event.label}")
        return self.folder / day / f"{time.replace(':', '-')} {words} {event.id}.flac"

    def take(self, clip: Clip) -> None:
        """Write one clip, then make room for the next."""
        clip.path.parent.mkdir(parents=True, exist_ok=True)
        beside = clip.path.with_suffix(".part")
        try:
            soundfile.write(beside, clip.waveform, clip.rate_hz, format="FLAC", subtype="PCM_16")
        except soundfile.SoundFileError as error:
            beside.unlink(missing_ok=True)
            raise StoreError(f"'{clip.path}' cannot be written: {error}", "is the disk full?") from None
        beside.replace(clip.path)
        self._make_room()

    def _make_room(self) -> None:
        clips = sorted(self.folder.glob("*/*.flac"), reverse=True)  # names begin with their time
        total_bytes = 0
        for path in clips:
            total_bytes += path.stat().st_size
            if total_bytes > self._quota_bytes:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()


@dataclass(frozen=True)
class ClipKeeper:
    """Cuts clips out of what was heard last, and has them written."""

    recent: Recent
    clips: Clips
    outbox: Outbox[Clip]

    def keep(self, event: SoundEvent, start_s: float, end_s: float) -> SoundEvent:
        """The event with the path of its clip, a sound between two times of the stream.

        Where the disk is so slow that there is no room for another clip, the event goes without one.
        """
        start_s = max(start_s, end_s - LONGEST_S)  # of a longer sound only its end is still remembered
        waveform = self.recent.cut(start_s - AROUND_S, end_s + AROUND_S)
        path = self.clips.path_of(event)
        is_kept = self.outbox.put(Clip(path, waveform, self.recent.rate_hz))
        return event.model_copy(update={"clip": str(path)}) if is_kept else event
