"""A microphone in real time: how late events come, what listening costs."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.bench.daemon import simulated_microphone
from tools.bench.daemon.latency import Stamps, latencies_ms, percentiles
from tools.bench.daemon.process import Served
from tools.bench.daemon.sound import sound

PAUSE_S = 1.0  # between two sounds: more of them than a room has, so that there are many events to time
SPARE_S = 60.0  # of sound, for starting and ending
SEED = 7
LISTENING = {"kind": "source", "state": "listening"}


@dataclass(frozen=True)
class Listened:
    """How it went."""

    latencies_ms: list[float]
    cpu: float
    """Cores that the daemon took: its CPU seconds for each second that passed."""
    memory_bytes: int
    """At the end."""
    lost_frames: int
    """Given by the microphone and not heard."""
    longest_wait_s: float
    """The most sound that waited in the pipe."""

    @property
    def latency_ms(self) -> tuple[float, float]:
        """The median and the 99th percentile."""
        return percentiles(self.latencies_ms)


@dataclass(frozen=True)
class Heard:
    """A daemon that hears a microphone."""

    served: Served
    stamps_file: Path

    @property
    def stamps(self) -> Stamps:
        """What the microphone wrote down up to now."""
        return Stamps.read(self.stamps_file)

    def mute(self) -> None:
        """The microphone gives no more."""
        Path(f"{self.stamps_file}.mute").touch()


def write_sound(path: Path, seconds: float) -> Path:
    """The sound of a room, long enough for a measurement of so many seconds."""
    with path.open("wb") as file:
        file.writelines(sound(seconds + SPARE_S, PAUSE_S, SEED))
    return path


@contextmanager
def hearing(
    folder: Path, home: Path, pcm: Path, *options: str, config: str = "", cores: set[int] | None = None
) -> Iterator[Heard]:
    """A daemon as soon as it hears a microphone that plays a file."""
    folder.mkdir()
    stamps = folder / "stamps.txt"
    command = f"{sys.executable} {Path(simulated_microphone.__file__)} {pcm} {stamps}"
    source = f'{config}\n[source]\ncommand = "{command}"'
    with Served(folder, home, source, *options, cores=cores) as served:
        served.first(LISTENING)
        yield Heard(served, stamps)


def listen(
    folder: Path, home: Path, pcm: Path, seconds: float, window_s: float, *options: str, config: str = ""
) -> Listened:
    """So many seconds of it."""
    with hearing(folder, home, pcm, *options, config=config) as heard:
        served = heard.served
        began_s, cpu_s = time.monotonic(), served.cpu_s
        time.sleep(seconds)
        cpu = (served.cpu_s - cpu_s) / (time.monotonic() - began_s)
        memory_bytes = served.memory_bytes
        told = list(served.told)  # the end of the stream makes one more window, which is not whole
        told_lost = lost_frames(served.stop())
        stamps = heard.stamps
    late = latencies_ms(told, stamps, window_s)
    return Listened(late, cpu, memory_bytes, stamps.lost_frames + told_lost, stamps.longest_wait_s)


def lost_frames(summary: str) -> int:
    """What the daemon's last sentence says of them."""
    found = re.search(r"(\d+) frames lost", summary)
    return int(found[1]) if found else 0
