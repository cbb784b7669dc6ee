"""Sound through stdin, as fast as the daemon takes it: what a second costs, and what a long stream changes.

It has to give, to the last digit, what the same sound gives when it is fed at once, and the daemon may not
grow meanwhile.
"""

import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import numpy as np

from device_runtime.daemon.sources.pcm import PcmFormat, Unpacker
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, TaskDetection
from tools.bench.daemon.process import Event, Served
from tools.bench.daemon.simulated_microphone import FRAME_BYTES, RATE_HZ
from tools.bench.timing import children_cpu_s

STDIN = '[source]\npath = "-"'
PIECE_BYTES = RATE_HZ * FRAME_BYTES
TIME_DIGITS = 2  # an event's clock is cut to milliseconds, twice
SETTLED_S = 600.0  # of sound; memory is judged from then on
HOUR_S = 3600.0

Change = tuple[str, str, str, float, float, float, float, float, float]
"""Phase, task, label, start, duration, score, margin, threshold, level: all but the wall clock."""


@dataclass(frozen=True)
class Replayed:
    """How a replay went."""

    sound_s: float
    wall_s: float
    cpu_s: float
    changes: list[Change]
    memory: list[tuple[float, int]]
    """Seconds of sound that were given, and bytes in memory then."""
    summary: str

    @property
    def real_time_factor(self) -> float:
        """CPU seconds for each second of sound."""
        return self.cpu_s / self.sound_s

    def growth_bytes_an_hour(self, settled_s: float = SETTLED_S) -> float:
        """The slope of the line through the memory after it has settled."""
        at_s, sizes = np.array([look for look in self.memory if look[0] >= settled_s], float).T
        return float(np.polyfit(at_s / HOUR_S, sizes, 1)[0])


def replay(folder: Path, home: Path, sound: Iterable[bytes], config: str = "") -> Replayed:
    """All of a sound, at least a second, through `edgecl serve`."""
    folder.mkdir()
    pieces, given, memory = _pieces(sound), 0, []
    before_s = children_cpu_s()
    with Served(folder, home, f"{config}\n{STDIN}", stdin=subprocess.PIPE) as served:
        with _stdin(served) as pipe:
            given += pipe.write(next(pieces))
            served.first({"kind": "source", "state": "listening"})
            began_s, starting_s = time.monotonic(), served.cpu_s
            for piece in pieces:
                given += pipe.write(piece)
                memory.append((given / FRAME_BYTES / RATE_HZ, served.memory_bytes))
        summary = served.ended()
    return Replayed(
        sound_s=given / FRAME_BYTES / RATE_HZ,
        wall_s=time.monotonic() - began_s,
        cpu_s=children_cpu_s() - before_s - starting_s,
        changes=[_change(event) for _, event in served.told if event["kind"] == "sound"],
        memory=memory,
        summary=summary,
    )


def at_once(recognizer: Recognizer, sound: Iterable[bytes]) -> list[Change]:
    """The same of a sound fed in one piece, without a daemon."""
    listening = StreamRecognizer(recognizer)
    waveform = Unpacker(PcmFormat(RATE_HZ)).feed(b"".join(sound))
    heard = [one for moment in listening.feed(waveform) for one in moment.detections] + listening.finish()
    return [_expected(one) for one in heard]


def _pieces(sound: Iterable[bytes]) -> Iterator[bytes]:
    """A sound in pieces of a second, as far as it goes, however it was cut."""
    rest = b""
    for data in sound:
        rest += data
        while len(rest) > PIECE_BYTES:
            yield rest[:PIECE_BYTES]
            rest = rest[PIECE_BYTES:]
    yield rest


def _stdin(served: Served) -> IO[bytes]:
    assert served.process.stdin is not None  # it was asked for
    return served.process.stdin


def _change(event: Event) -> Change:
    start, end = datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])
    lasted_s = round((end - start).total_seconds(), TIME_DIGITS)
    figures = event["score"], event["margin"], event["threshold"], event["level_dbfs"]
    return (
        event["phase"],
        event["task"],
        event["label"],
        round(event["offset_s"], TIME_DIGITS),
        lasted_s,
        *figures,
    )


def _expected(heard: TaskDetection) -> Change:
    found = heard.detection
    times_s = round(found.start_s, TIME_DIGITS), round(found.end_s - found.start_s, TIME_DIGITS)
    figures = round(found.score, 4), round(found.margin, 4), round(found.threshold, 4), found.level_dbfs
    return heard.phase, heard.task, found.label, *times_s, *figures
