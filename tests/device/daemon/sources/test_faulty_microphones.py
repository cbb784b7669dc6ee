"""Eight microphones at once, each with a fault of its own, at the time limits of a real device.

Each recovers when a file appears. A fault is reported within ten seconds, sound is back within five, and
waiting takes hardly any processor time.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from device_runtime.daemon.sources.supervised import SupervisedSource

REPORTED_WITHIN_S = 10.0
RECOVERED_WITHIN_S = 5.0
MEASURED_WITHIN_S = 7.0  # where sound was never gone, but two measurements have to agree that the fault is
LARGEST_CORE_SHARE = 0.1  # with coverage measured beside it
FAULTY_S = 3.0  # after the report

PLAYER = """
import os, random, sys, time
works = lambda: os.path.exists(sys.argv[1])
noise = lambda: random.randbytes(3200)
out = sys.stdout.buffer
def play(make=noise, seconds=60, until=None, pace=0.1, piece=None):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not (until and until()):
        data = make()
        for start in range(0, len(data), piece or len(data)):
            out.write(data[start:start + (piece or len(data))]); out.flush()
        time.sleep(pace)
"""
FAULTS = {
    "it ends": ("failed", "if not works(): play(seconds=.3); sys.exit()"),
    "it exits with 1": ("failed", "if not works(): sys.exit('no such card')"),
    "it hangs": ("hung", "if not works(): play(seconds=.3); time.sleep(60)"),
    "it ends within a frame": (
        "failed",
        "if not works(): play(lambda: b'odd', .3); sys.exit()\nplay(piece=7)",
    ),
    "all zeros": ("silent", "play(lambda: bytes(3200), until=works)"),
    "clipping": ("clipping", "play(lambda: bytes([255, 127, 0, 128]) * 800, until=works)"),
    "wrong rate": ("wrong rate", "play(until=works, pace=.033)"),
    "it appears late": ("failed", ""),
}


@dataclass
class Measurement:
    """Seconds until the report and until the recovery, and the share of a core between."""

    reported_s: float
    recovered_s: float
    core_share: float


class FaultyMicrophone:
    """A microphone with a fault."""

    def __init__(self, state: str, script: str, folder: Path) -> None:
        folder.mkdir()
        self._state, self._folder = state, folder
        self._works = folder / "works"
        (folder / "player.py").write_text(f"{PLAYER}{script}\nplay()")
        self._source = SupervisedSource("mic", 16_000, self._open_command if script else self._open_fifo)

    def measure(self) -> Measurement:
        """Read until the fault is reported, a while longer, and until the microphone has recovered."""
        reported_s = self._read_until(lambda frames: self._source.condition.state == self._state)
        before_s, started_s = time.thread_time(), time.monotonic()
        self._read_until(lambda frames: time.monotonic() - started_s > FAULTY_S)
        share = (time.thread_time() - before_s) / (time.monotonic() - started_s)
        self._repair()
        recovered_s = self._read_until(lambda frames: frames and self._source.condition.state == "listening")
        self._source.close()
        return Measurement(reported_s, recovered_s, share)

    def _read_until(self, is_met: Callable[[int], bool]) -> float:
        """Read until a condition on the frames of the last block is met; return the seconds, 30 at most."""
        started_s, frames = time.monotonic(), 0
        while not is_met(frames) and time.monotonic() - started_s < 30:
            frames = self._source.read(0.25).waveform.size
        return time.monotonic() - started_s

    def _open_command(self) -> Source:
        player = [sys.executable, "-I", str(self._folder / "player.py"), str(self._works)]
        return CommandSource("mic", player, PcmFormat())

    def _open_fifo(self) -> Source:
        return PipeSource.open(self._folder / "fifo", PcmFormat())

    def _repair(self) -> None:
        self._works.touch()
        if (self._folder / "player.py").read_text() == f"{PLAYER}\nplay()":
            os.mkfifo(self._folder / "fifo")
            player = f"{sys.executable} -I {self._folder}/player.py {self._works} > {self._folder}/fifo"
            os.system(f"timeout 10 {player} 2>/dev/null &")


@pytest.fixture(scope="module")
def measurements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measurement]:
    """Fault → what was measured."""
    folder = tmp_path_factory.mktemp("microphones")
    microphones = [
        FaultyMicrophone(state, script, folder / str(number))
        for number, (state, script) in enumerate(FAULTS.values())
    ]
    with ThreadPoolExecutor(len(microphones)) as pool:
        return dict(zip(FAULTS, pool.map(FaultyMicrophone.measure, microphones), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_microphone_is_reported_and_used_again_once_it_works(
    measurements: dict[str, Measurement], fault: str
) -> None:
    measured = measurements[fault]
    assert measured.reported_s < REPORTED_WITHIN_S
    is_measured = FAULTS[fault][0] in ("clipping", "wrong rate")
    assert measured.recovered_s < (MEASURED_WITHIN_S if is_measured else RECOVERED_WITHIN_S)
    assert measured.core_share < LARGEST_CORE_SHARE
