"""The daemon with a microphone in real time: latency of events, CPU time and memory."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.bench.daemon import simulated_microphone
from tools.bench.daemon.latency import PlaybackLog, latencies_ms, percentiles
from tools.bench.daemon.process import DaemonProcess
from tools.bench.daemon.sound import generate_pcm

PAUSE_S = 1.0  # between two sounds: short, so that there are many events to measure
SPARE_S = 60.0  # of sound, for start and end
SEED = 7
LISTENING = {"kind": "source", "state": "listening"}


@dataclass(frozen=True)
class RealTimeResult:
    """Figures of a daemon in real time."""

    latencies_ms: list[float]
    cpu: float
    """CPU seconds per second: the number of cores in use."""
    memory_bytes: int
    """Resident memory at the end."""
    lost_frames: int
    """Frames that the microphone produced and the daemon did not process."""
    longest_wait_s: float
    """The most sound that waited in the pipe."""

    @property
    def latency_ms(self) -> tuple[float, float]:
        """The median and the 99th percentile."""
        return percentiles(self.latencies_ms)


@dataclass(frozen=True)
class MicrophoneSession:
    """A daemon with a running microphone."""

    daemon: DaemonProcess
    log_file: Path

    @property
    def log(self) -> PlaybackLog:
        """The microphone's log so far."""
        return PlaybackLog.read(self.log_file)

    def mute(self) -> None:
        """Stop the microphone's output."""
        Path(f"{self.log_file}.mute").touch()


def write_sound(path: Path, seconds: float) -> Path:
    """Write PCM for a measurement of `seconds` and return its path."""
    with path.open("wb") as file:
        file.writelines(generate_pcm(seconds + SPARE_S, PAUSE_S, SEED))
    return path


@contextmanager
def run_with_microphone(
    folder: Path, home: Path, pcm: Path, *options: str, config: str = "", cores: set[int] | None = None
) -> Iterator[MicrophoneSession]:
    """Run a daemon on a microphone that plays a file; the context starts when it listens."""
    folder.mkdir()
    log = folder / "microphone.log"
    command = f"{sys.executable} {Path(simulated_microphone.__file__)} {pcm} {log}"
    source = f'{config}\n[source]\ncommand = "{command}"'
    with DaemonProcess(folder, home, source, *options, cores=cores) as daemon:
        daemon.wait_for(LISTENING)
        yield MicrophoneSession(daemon, log)


def measure_real_time(
    folder: Path, home: Path, pcm: Path, seconds: float, window_s: float, *options: str, config: str = ""
) -> RealTimeResult:
    """Measure a daemon that listens for `seconds`.

    Args:
        folder: for its files; created.
        home: its tasks.
        pcm: file that the microphone plays.
        seconds: duration of the measurement.
        window_s: length of a window.
        options: options of `edgecl serve`.
        config: TOML, without home and source.
    """
    with run_with_microphone(folder, home, pcm, *options, config=config) as session:
        daemon = session.daemon
        began_s, cpu_s = time.monotonic(), daemon.cpu_s
        time.sleep(seconds)
        cpu = (daemon.cpu_s - cpu_s) / (time.monotonic() - began_s)
        memory_bytes = daemon.memory_bytes
        events = list(daemon.events)  # the end of the stream adds an incomplete window
        lost = parse_lost_frames(daemon.stop())
        log = session.log
    latencies = latencies_ms(events, log, window_s)
    return RealTimeResult(latencies, cpu, memory_bytes, log.lost_frames + lost, log.longest_wait_s)


def parse_lost_frames(summary: str) -> int:
    """Return the number of lost frames in the daemon's summary."""
    found = re.search(r"(\d+) frames lost", summary)
    return int(found[1]) if found else 0
