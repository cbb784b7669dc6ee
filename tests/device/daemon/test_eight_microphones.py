"""Eight microphones, each with an ailment of its own, all at once and with the times that hold on a device.

Each is well again when a file appears. Told within ten seconds, heard again within five, and hardly any work
meanwhile.
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

TOLD_WITHIN_S = 10.0
BACK_WITHIN_S = 5.0
MOST_OF_A_CORE = 0.05
ILL_FOR_S = 3.0  # after it was told

PLAYER = """
import os, random, sys, time
well = lambda: os.path.exists(sys.argv[1])
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
AILMENTS = {
    "it ends": ("failed", "if not well(): play(seconds=.3); sys.exit()"),
    "it exits with 1": ("failed", "if not well(): sys.exit('no such card')"),
    "it hangs": ("hung", "if not well(): play(seconds=.3); time.sleep(60)"),
    "it ends within a frame": (
        "failed",
        "if not well(): play(lambda: b'odd', .3); sys.exit()\nplay(piece=7)",
    ),
    "all zeros": ("silent", "play(lambda: bytes(3200), until=well)"),
    "clipping": ("clipping", "play(lambda: bytes([255, 127, 0, 128]) * 800, until=well)"),
    "wrong rate": ("wrong rate", "play(until=well, pace=.033)"),
    "it appears late": ("failed", ""),
}


@dataclass
class Course:
    """How it went: seconds until it was told and until it was heard again, and the share of a core."""

    told_s: float
    back_s: float
    share: float


class Patient:
    """A microphone with an ailment."""

    def __init__(self, state: str, script: str, folder: Path) -> None:
        folder.mkdir()
        self._state, self._folder = state, folder
        self._well = folder / "well"
        (folder / "player.py").write_text(f"{PLAYER}{script}\nplay()")
        opening = self._command if script else self._late
        self._microphone = SupervisedSource("mic", 16_000, opening)

    def course(self) -> Course:
        """Reads until it is told, for a while longer, and until it is heard again."""
        told_s = self._until(lambda heard: self._microphone.condition.state == self._state)
        before, began = time.thread_time(), time.monotonic()
        self._until(lambda heard: time.monotonic() - began > ILL_FOR_S)
        share = (time.thread_time() - before) / (time.monotonic() - began)
        self._recover()
        back_s = self._until(lambda heard: heard and self._microphone.condition.state == "listening")
        self._microphone.close()
        return Course(told_s, back_s, share)

    def _until(self, holds: Callable[[int], bool]) -> float:
        """Seconds until it holds after a block of so many frames; half a minute is for ever."""
        began, heard = time.monotonic(), 0
        while not holds(heard) and time.monotonic() - began < 30:
            heard = self._microphone.read(0.25).waveform.size
        return time.monotonic() - began

    def _command(self) -> Source:
        player = [sys.executable, "-I", str(self._folder / "player.py"), str(self._well)]
        return CommandSource("mic", player, PcmFormat())

    def _late(self) -> Source:
        return PipeSource.open(self._folder / "fifo", PcmFormat())

    def _recover(self) -> None:
        self._well.touch()
        if (self._folder / "player.py").read_text() == f"{PLAYER}\nplay()":
            os.mkfifo(self._folder / "fifo")
            player = f"{sys.executable} -I {self._folder}/player.py {self._well} > {self._folder}/fifo"
            os.system(f"timeout 10 {player} 2>/dev/null &")


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Course]:
    """Ailment → how it went."""
    folder = tmp_path_factory.mktemp("ward")
    patients = [
        Patient(state, script, folder / str(number))
        for number, (state, script) in enumerate(AILMENTS.values())
    ]
    with ThreadPoolExecutor(len(patients)) as ward:
        return dict(zip(AILMENTS, ward.map(Patient.course, patients), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("ailment", AILMENTS)
def test_a_microphone_that_ails_is_told_of_waited_for_and_heard_again(
    courses: dict[str, Course], ailment: str
) -> None:
    course = courses[ailment]
    assert course.told_s < TOLD_WITHIN_S
    assert course.back_s < BACK_WITHIN_S
    assert course.share < MOST_OF_A_CORE
