"""A sink: recordings of what was heard, as FLAC, where the owner of the device wants them. Off by default.

    folder/2026-05-01/07-31-02.500 alarms doorbell 3f….flac

The newest sound is remembered (`recent`), so a clip begins a little before its sound does; of one longer than
half a minute it holds the end. The folder has a quota; the oldest clips make room.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import soundfile

from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.queue import SinkQueue
from edgecl.arrays import Pcm
from edgecl.errors import StoreError
from edgecl.events import SoundEvent

LONGEST_S = 30.0
AROUND_S = 1.0  # kept before and after a sound
WAITING_BYTES = 32 << 20  # of clips that the disk has not taken yet
REMEMBERED_S = LONGEST_S + 2 * AROUND_S
PART_SUFFIX = ".part"
CLIPS_FOLDER = "clips"
MODE = 0o700
"""Of the folder, where it is made."""
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Clip:
    """A recording on its way to the disk."""

    path: Path
    pcm: Pcm
    rate_hz: int

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return self.pcm.nbytes


class ClipFolder:
    """A folder of clips that stays within its quota."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        """What an earlier daemon left half written is deleted."""
        self.folder = folder
        self._quota_bytes = quota_bytes
        for left in folder.glob(f"*/*{PART_SUFFIX}"):
            left.unlink(missing_ok=True)

    def path_of(self, event: SoundEvent) -> Path:
        """Where the clip of a sound goes."""
        day, time = event.start.rstrip("Z").split("T")
        words = UNSAFE.sub("_", f"{event.task} {event.label}")
        return self.folder / day / f"{time.replace(':', '-')} {words} {event.id}.flac"

    def take(self, clip: Clip) -> None:
        """Write one clip, then make room for the next."""
        self.folder.mkdir(MODE, parents=True, exist_ok=True)
        clip.path.parent.mkdir(exist_ok=True)
        beside = clip.path.with_suffix(PART_SUFFIX)
        try:
            beside.write_bytes(flac(clip.pcm, clip.rate_hz))
        except OSError as error:
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


def cut(recent: AudioRingBuffer, start_s: float, end_s: float) -> Pcm:
    """A sound [samples] as it is kept: a little more of it; of a long one the end."""
    return recent.cut(*kept(start_s, end_s), AROUND_S)


def kept(start_s: float, end_s: float) -> tuple[float, float]:
    """From when to when a sound is kept, without what is around it."""
    return max(start_s, end_s - LONGEST_S), end_s


def flac(pcm: Pcm, rate_hz: int) -> bytes:
    """The file of a recording [samples]."""
    file = BytesIO()
    soundfile.write(file, pcm, rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


@dataclass(frozen=True)
class ClipKeeper:
    """Cuts clips out of what was heard last, and has them written."""

    recent: AudioRingBuffer
    clips: ClipFolder
    outbox: SinkQueue[Clip]

    def keep(self, event: SoundEvent, start_s: float, end_s: float) -> SoundEvent:
        """The event with the path of its clip, a sound between two times of the source.

        Where the disk is so slow that there is no room for another clip, the event goes without one.
        """
        path, pcm = self.clips.path_of(event), cut(self.recent, start_s, end_s)
        is_kept = self.outbox.put(Clip(path, pcm, self.recent.rate_hz))
        return event.model_copy(update={"clip": str(path)}) if is_kept else event
