"""The sink that saves a recording of every detected sound, as FLAC. Off by default.

    folder/2026-05-01/07-31-02.500 alarms doorbell 3f….flac

A clip is cut from the ring buffer, so it begins a little before its sound; of a sound longer than half a
minute it holds the end. The folder has a quota: the oldest clips are deleted.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import soundfile

from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.queue import SinkQueue
from edgecl.arrays import Pcm
from edgecl.audio.memory_file import open_memory_file
from edgecl.errors import StoreError
from edgecl.events import SoundEvent

LONGEST_S = 30.0
PADDING_S = 1.0  # before and after a sound
QUEUE_BYTES = 32 << 20  # of clips that are not written yet
BUFFER_S = LONGEST_S + 2 * PADDING_S
"""Length of the ring buffer that clips need."""
PART_SUFFIX = ".part"
CLIPS_FOLDER = "clips"
MODE = 0o700
"""Of the folder, when it is created."""
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Clip:
    """A recording that is to be written."""

    path: Path
    pcm: Pcm
    rate_hz: int

    @property
    def size_bytes(self) -> int:
        """Size in memory."""
        return self.pcm.nbytes


class ClipFolder:
    """A folder of clips within a quota."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        """Delete files that an earlier daemon did not finish writing."""
        self.folder = folder
        self._quota_bytes = quota_bytes
        for leftover in folder.glob(f"*/*{PART_SUFFIX}"):
            leftover.unlink(missing_ok=True)

    def path_of(self, event: SoundEvent) -> Path:
        """Return the path of the clip of a sound."""
        day, time = event.start.rstrip("Z").split("T")
        words = UNSAFE.sub("_", f"{event.task} {event.label}")
        return self.folder / day / f"{time.replace(':', '-')} {words} {event.id}.flac"

    def write(self, clip: Clip) -> None:
        """Write one clip, then delete the oldest beyond the quota.

        Raises:
            StoreError: it cannot be written.
        """
        self.folder.mkdir(MODE, parents=True, exist_ok=True)
        clip.path.parent.mkdir(exist_ok=True)
        part = clip.path.with_suffix(PART_SUFFIX)
        try:
            part.write_bytes(encode_flac(clip.pcm, clip.rate_hz))
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"'{clip.path}' cannot be written: {error}", "is the disk full?") from None
        part.replace(clip.path)
        self._enforce_quota()

    def _enforce_quota(self) -> None:
        clips = sorted(self.folder.glob("*/*.flac"), reverse=True)  # names begin with their time
        total_bytes = 0
        for path in clips:
            total_bytes += path.stat().st_size
            if total_bytes > self._quota_bytes:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()


def cut_clip(ring_buffer: AudioRingBuffer, start_s: float, end_s: float) -> Pcm:
    """Return the clip [samples] of a sound: with padding, and of a long sound only the end."""
    return ring_buffer.cut(*clip_span(start_s, end_s), PADDING_S)


def clip_span(start_s: float, end_s: float) -> tuple[float, float]:
    """Return the start and end of what a clip holds of a sound, without padding."""
    return max(start_s, end_s - LONGEST_S), end_s


def encode_flac(pcm: Pcm, rate_hz: int) -> bytes:
    """Encode a recording [samples] as a FLAC file."""
    with open_memory_file() as file:
        soundfile.write(file.fileno(), pcm, rate_hz, format="FLAC", subtype="PCM_16", closefd=False)
        file.seek(0)
        return file.read()


@dataclass(frozen=True)
class ClipRecorder:
    """Cuts clips out of the ring buffer and queues them for writing."""

    ring_buffer: AudioRingBuffer
    folder: ClipFolder
    queue: SinkQueue[Clip]

    def save(self, event: SoundEvent, start_s: float, end_s: float) -> SoundEvent:
        """Return the event with the path of its clip; without one if the queue is full.

        Args:
            event: the end of a sound.
            start_s: its start in seconds since the source was opened.
            end_s: its end in seconds since the source was opened.
        """
        path, pcm = self.folder.path_of(event), cut_clip(self.ring_buffer, start_s, end_s)
        is_queued = self.queue.put(Clip(path, pcm, self.ring_buffer.rate_hz))
        return event.model_copy(update={"clip": str(path)}) if is_queued else event
