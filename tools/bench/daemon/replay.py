"""Sound through stdin, faster than real time: CPU time per second, exact events, memory.

The daemon must give exactly the events of the same sound processed offline, and its memory must not grow.
"""

import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from device_runtime.daemon.sources.pcm import PcmDecoder, PcmFormat
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, TaskDetection
from tools.bench.daemon.process import DaemonProcess, Event
from tools.bench.daemon.simulated_microphone import FRAME_BYTES, RATE_HZ
from tools.bench.timing import children_cpu_s

STDIN = '[source]\npath = "-"'
PIECE_BYTES = RATE_HZ * FRAME_BYTES
TIME_DIGITS = 2  # start and end of an event are both truncated to milliseconds
SETTLED_S = 600.0  # of sound; memory growth is measured from then on
HOUR_S = 3600.0

Change = tuple[str, str, str, float, float, float, float, float, float]
"""Phase, task, label, start, duration, score, margin, threshold, level: all but the wall-clock time."""


@dataclass(frozen=True)
class ReplayResult:
    """Figures of a replay."""

    sound_s: float
    wall_s: float
    cpu_s: float
    changes: list[Change]
    memory: list[tuple[float, int]]
    """Seconds of sound written so far, and resident bytes."""
    summary: str

    @property
    def real_time_factor(self) -> float:
        """CPU seconds per second of sound."""
        return self.cpu_s / self.sound_s

    def growth_bytes_per_hour(self, settled_s: float = SETTLED_S) -> float:
        """Return the slope of a line fitted to the memory from `settled_s` on."""
        at_s, sizes = np.array([sample for sample in self.memory if sample[0] >= settled_s], float).T
        return float(np.polyfit(at_s / HOUR_S, sizes, 1)[0])


def replay(folder: Path, home: Path, sound: Iterable[bytes], config: str = "") -> ReplayResult:
    """Feed a sound of at least a second to `edgecl serve`.

    Args:
        folder: for the files of the daemon; created.
        home: its tasks.
        sound: PCM, s16le, mono, 16 kHz.
        config: TOML, without home and source.
    """
    folder.mkdir()
    pieces, written, memory = _split_seconds(sound), 0, []
    before_s = children_cpu_s()
    with DaemonProcess(folder, home, f"{config}\n{STDIN}", stdin=subprocess.PIPE) as daemon:
        assert daemon.process.stdin is not None  # a pipe
        with daemon.process.stdin as pipe:
            written += pipe.write(next(pieces))
            daemon.wait_for({"kind": "source", "state": "listening"})
            began_s, startup_cpu_s = time.monotonic(), daemon.cpu_s
            for piece in pieces:
                written += pipe.write(piece)
                memory.append((written / FRAME_BYTES / RATE_HZ, daemon.memory_bytes))
        summary = daemon.wait()
    return ReplayResult(
        sound_s=written / FRAME_BYTES / RATE_HZ,
        wall_s=time.monotonic() - began_s,
        cpu_s=children_cpu_s() - before_s - startup_cpu_s,
        changes=[change_of_event(event) for _, event in daemon.events if event["kind"] == "sound"],
        memory=memory,
        summary=summary,
    )


def process_offline(recognizer: Recognizer, sound: Iterable[bytes]) -> list[Change]:
    """Return the same changes for a sound processed at once, without a daemon."""
    stream, decoder = StreamRecognizer(recognizer), PcmDecoder(PcmFormat(RATE_HZ))
    results = (result for piece in sound for result in stream.feed(decoder.decode(piece)))
    detections = [one for result in results for one in result.detections] + stream.finish()
    return [change_of_detection(one) for one in detections]


def _split_seconds(sound: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a sound in pieces of one second; the last one is shorter."""
    rest = b""
    for data in sound:
        rest += data
        while len(rest) > PIECE_BYTES:
            yield rest[:PIECE_BYTES]
            rest = rest[PIECE_BYTES:]
    yield rest


def change_of_event(event: Event) -> Change:
    """Return what an event of the daemon says of a sound."""
    start, end = datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])
    duration_s = round((end - start).total_seconds(), TIME_DIGITS)
    figures = event["score"], event["margin"], event["threshold"], event["level_dbfs"]
    return (
        event["phase"],
        event["task"],
        event["label"],
        round(event["offset_s"], TIME_DIGITS),
        duration_s,
        *figures,
    )


def change_of_detection(task_detection: TaskDetection) -> Change:
    """Return the same of a detection."""
    found = task_detection.detection
    times_s = round(found.start_s, TIME_DIGITS), round(found.end_s - found.start_s, TIME_DIGITS)
    figures = round(found.score, 4), round(found.margin, 4), round(found.threshold, 4), found.level_dbfs
    return task_detection.phase, task_detection.task, found.label, *times_s, *figures
