"""Row: microphones with a fault each, at the time limits of a real device; every one works again later.

A fault is reported in time, sound is back soon after the repair, waiting takes hardly any processor time,
and closing the source leaves neither processes nor descriptors.
"""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from device_runtime.daemon.sources.supervised import SupervisedSource
from edgecl.events import State
from tools.battery.subject import Subject
from tools.battery.tally import Tally

REPORTED_WITHIN_S = 10.0
RECOVERED_WITHIN_S = 5.0
MEASURED_WITHIN_S = 7.0
CHANNELS_WITHIN_S = 10.0  # their past counts for a while
LARGEST_CORE_SHARE = 0.1  # with coverage measured beside it
FAULTY_S = 3.0  # after the report
SHORT_S = 0.5  # sound that ends again within this time delays the report of a recovery hardly at all
READ_S = 0.25
GIVE_UP_S = 120.0
AT_ONCE = 9  # microphones

PLAYER = """
import array, os, random, signal, subprocess, sys, time
works = lambda: os.path.exists(sys.argv[1])
noise = lambda: random.randbytes(3200)
def pairs(right):
    left, both = array.array('h', noise()), array.array('h', bytes(6400))
    both[::2], both[1::2] = left, array.array('h', map(right, left))
    return both.tobytes()
def near(middle, reach):
    return array.array('h', (middle + byte % reach for byte in random.randbytes(1600))).tobytes()
out = sys.stdout.buffer
def play(make=noise, seconds=60, until=None, pace=0.1, piece=None):
    due = time.monotonic()
    ends = due + seconds
    while time.monotonic() < ends and not (until and until()):
        data = make()
        for start in range(0, len(data), piece or len(data)):
            out.write(data[start:start + (piece or len(data))]); out.flush()
        due += pace
        time.sleep(max(0, due - time.monotonic()))
"""

MONO, STEREO, FLOAT = PcmFormat(), PcmFormat(channels=2), PcmFormat(encoding=Encoding.f32le)


@dataclass(frozen=True)
class Scenario:
    """A microphone with a fault, until the file that its first argument names exists."""

    state: State
    """The condition that has to be reported."""
    script: str = ""
    """What follows `PLAYER`; it ends with normal sound. Empty: a FIFO that is not there yet."""
    pcm_format: PcmFormat = MONO
    is_installed: bool = True
    """Whether the program is there and may be run from the beginning."""
    working: str = "play()"
    """How it plays once it works."""
    reported_within_s: float = REPORTED_WITHIN_S
    recovered_within_s: float = RECOVERED_WITHIN_S
    """Seconds from the repair until sound has to be used again."""

    @classmethod
    def with_sound(
        cls, state: State, script: str, pcm_format: PcmFormat = MONO, working: str = "play()"
    ) -> "Scenario":
        """Return one whose sound is never gone: two measurements have to agree that the fault is."""
        within_s = MEASURED_WITHIN_S if pcm_format.channels == 1 else CHANNELS_WITHIN_S
        return cls(state, script, pcm_format, working=working, recovered_within_s=within_s)


PLAY_STEREO = "play(lambda: pairs(lambda x: x // 2))"
PLAY_FLOAT = "play(lambda: array.array('f', [random.uniform(-.5, .5) for _ in range(1600)]).tobytes())"
SCENARIOS = {
    "it ends": Scenario("failed", "if not works(): play(seconds=.3); sys.exit()"),
    "it exits with 1": Scenario("failed", "if not works(): sys.exit('no such card')"),
    "it hangs": Scenario("hung", "if not works(): play(seconds=.3); time.sleep(60)"),
    "it ends within a frame": Scenario(
        "failed",
        "if not works(): play(lambda: b'odd', .3); sys.exit()\nplay(piece=7)",
    ),
    "all zeros": Scenario("silent", "play(lambda: bytes(3200), until=works)"),
    "clipping": Scenario.with_sound("clipping", "play(lambda: bytes([255, 127, 0, 128]) * 800, until=works)"),
    "wrong rate": Scenario.with_sound("wrong rate", "play(until=works, pace=.033)"),
    "it appears late": Scenario("failed"),
    "one byte a second, always the same": Scenario(
        "silent", "play(lambda: b'x', until=works, pace=1)", reported_within_s=15.0
    ),
    "half the rate": Scenario.with_sound("wrong rate", "play(until=works, pace=.2)"),
    "ten bytes a second": Scenario.with_sound(
        "wrong rate", "play(lambda: random.randbytes(10), until=works, pace=1)"
    ),
    "everything at once": Scenario.with_sound(
        "wrong rate", "play(lambda: random.randbytes(320_000), until=works)"
    ),
    "it gives nothing": Scenario("failed", "if not works(): sys.exit()"),
    "it is killed": Scenario("failed", "if not works(): play(seconds=.3); os.kill(os.getpid(), 9)"),
    "it crashes": Scenario("failed", "if not works(): play(seconds=.3); os.abort()"),
    "it hangs and ignores SIGTERM": Scenario(
        "hung",
        "if not works(): signal.signal(15, signal.SIG_IGN); time.sleep(60)",
        recovered_within_s=7.0,
    ),
    "it closes its output and stays": Scenario("failed", "if not works(): os.close(1); time.sleep(60)"),
    "it closes its messages and hangs": Scenario("hung", "if not works(): os.close(2); time.sleep(60)"),
    "a flood of messages": Scenario("hung", "while not works(): os.write(2, b'x' * 4000); time.sleep(.02)"),
    "messages that are no text": Scenario(
        "failed", "if not works(): os.write(2, bytes(range(256))); sys.exit(3)"
    ),
    "its child keeps the pipe": Scenario(
        "hung", "if not works(): subprocess.Popen(['sleep', '60']); play(seconds=.3); sys.exit()"
    ),
    "a loose plug": Scenario("failed", "if not works(): play(seconds=.8); sys.exit()"),
    "a stuck converter": Scenario("silent", "play(lambda: bytes([10, 3]) * 1600, until=works)"),
    "an offset": Scenario.with_sound("dc offset", "play(lambda: near(6000, 200), until=works)"),
    "too soft": Scenario("too soft", "play(lambda: near(-3, 7), until=works)", reported_within_s=35.0),
    "opposite phase": Scenario.with_sound(
        "opposite phase",
        "play(lambda: pairs(lambda x: -max(x, -32767)), until=works)",
        STEREO,
        working=PLAY_STEREO,
    ),
    "one channel dead": Scenario.with_sound(
        "one channel dead",
        "play(lambda: pairs(lambda x: 0), until=works)",
        STEREO,
        working=PLAY_STEREO,
    ),
    "no numbers": Scenario(
        "silent",
        "play(lambda: array.array('f', [float('nan')]).tobytes() * 1600, until=works)",
        FLOAT,
        working=PLAY_FLOAT,
    ),
    "the program is missing": Scenario("failed", "pass", is_installed=False),
}


@dataclass(frozen=True)
class Measurement:
    """Seconds until the report and until the recovery, and the share of a core between.

    What depends on the machine is not counted: the time from a start of the program to its first sound, and
    that by which a recovery is reported later because short sounds before it were stretched.
    """

    reported_s: float
    recovered_s: float
    core_share: float
    left_processes: int

    def find_fault(self, scenario: Scenario) -> str | None:
        """Return a sentence about the limit that was broken; None if there is none."""
        if self.reported_s >= scenario.reported_within_s:
            return f"'{scenario.state}' was reported after {self.reported_s:.1f} s"
        if self.recovered_s >= scenario.recovered_within_s:
            return f"sound was back {self.recovered_s:.1f} s after the repair"
        if self.core_share >= LARGEST_CORE_SHARE:
            return f"waiting took {self.core_share:.0%} of a core"
        return f"{self.left_processes} processes are left" if self.left_processes else None


def try_microphones(subject: Subject, count: float) -> Tally:
    """Try some of the scenarios, several at once.

    Args:
        subject: the prepared home, whose folder is used.
        count: number of scenarios, from the first on.
    """
    tally = Tally()
    before = _list_descriptors()
    names = list(SCENARIOS)[: round(count)]
    for start in range(0, len(names), AT_ONCE):
        chosen = names[start : start + AT_ONCE]
        folder = subject.folder / f"microphones-{start}"
        for name, measured in measure(chosen, folder).items():
            tally.add(name, measured.find_fault(SCENARIOS[name]))
    if len(_list_descriptors()) > len(before):
        tally.failures.append("descriptors are left open")
    return tally


def measure(names: Sequence[str], folder: Path) -> dict[str, Measurement]:
    """Measure some scenarios at once; the folder is created."""
    folder.mkdir()
    microphones = [
        FaultyMicrophone(SCENARIOS[name], folder / str(number)) for number, name in enumerate(names)
    ]
    with ThreadPoolExecutor(len(microphones)) as pool:
        return dict(zip(names, pool.map(FaultyMicrophone.measure, microphones), strict=True))


class FaultyMicrophone:
    """A microphone with a fault."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        folder.mkdir()
        self._scenario, self._folder = scenario, folder
        self._works, self._program = folder / "works", folder / "player.py"
        code = f"{PLAYER}{scenario.script}\n{scenario.working}"
        self._program.write_text(f"#!{sys.executable} -I\n{code}")
        if scenario.is_installed:
            self._program.chmod(stat.S_IRWXU)
        self._opened_s, self._is_starting = 0.0, False
        self._first_frame_s = self._last_frame_s = self._longest_s = 0.0
        rate_hz = scenario.pcm_format.rate_hz
        self._source = SupervisedSource(
            "mic", rate_hz, self._open_command if scenario.script else self._open_fifo
        )

    def measure(self) -> Measurement:
        """Read until the fault is reported, a while longer, and until the microphone has recovered."""
        wanted = self._scenario.state
        reported_s = self._read_until(lambda frames: self._source.condition.state == wanted)
        before_s, started_s = time.thread_time(), time.monotonic()
        self._read_until(lambda frames: time.monotonic() - started_s > FAULTY_S)
        share = (time.thread_time() - before_s) / (time.monotonic() - started_s)
        self._repair()
        recovered_s = self._read_until(
            lambda frames: bool(frames) and self._source.condition.state == "listening"
        )
        recovered_s -= 2 * max(0.0, self._longest_s - SHORT_S)
        self._source.close()
        return Measurement(reported_s, recovered_s, share, self._count_processes())

    def _read_until(self, is_met: Callable[[int], bool]) -> float:
        """Read until a condition on the frames of the last block is met, or give up.

        Returns:
            The seconds, without those from the start of the program to its first sound.
        """
        started_s, starting_s, frames = time.monotonic(), 0.0, 0
        while not is_met(frames) and time.monotonic() - started_s < GIVE_UP_S:
            frames = self._source.read(READ_S).waveform.size
            if frames:
                self._last_frame_s = time.monotonic()
            if frames and self._is_starting:
                self._is_starting, self._first_frame_s = False, self._last_frame_s
                starting_s = self._first_frame_s - max(self._opened_s, started_s)
        return time.monotonic() - started_s - starting_s

    def _open_command(self) -> Source:
        self._begin_start()
        return CommandSource("mic", [str(self._program), str(self._works)], self._scenario.pcm_format)

    def _open_fifo(self) -> Source:
        self._begin_start()
        return PipeSource.open(self._folder / "fifo", self._scenario.pcm_format)

    def _begin_start(self) -> None:
        self._longest_s = max(self._longest_s, self._last_frame_s - self._first_frame_s)
        self._opened_s, self._is_starting = time.monotonic(), True

    def _repair(self) -> None:
        self._works.touch()
        self._program.chmod(stat.S_IRWXU)
        if not self._scenario.script:
            os.mkfifo(self._folder / "fifo")
            line = f"timeout 10 {self._program} {self._works} > {self._folder}/fifo 2>/dev/null &"
            subprocess.run(["sh", "-c", line], check=True)

    def _count_processes(self) -> int:
        """Count the processes of this microphone; a FIFO's player is nobody's child and is not counted."""
        if not self._scenario.script:
            return 0
        lines = (_read(path / "cmdline") for path in Path("/proc").glob("[0-9]*"))
        return sum(str(self._program).encode() in line for line in lines)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _list_descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")
