"""Audio sources made of real pipes and child processes, and an event."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from edgecl.events import SoundEvent, format_time, make_event_id
from tests.knocks import RATE_HZ, make_knocks

FOUR_KNOCKS_S = 48

PLAYER = """
import array, random, sys, time
VALUES = {"noise": range(-3000, 3000), "clipped": (-32768, 32767), "zeros": (0,)}
def play(seconds, kind="noise", rate=16000, channels=1, speed=1.0):
    '''Writes so much raw PCM, s16le, a tenth of a second at a time; at once where speed is 0.'''
    out, chance, due_s = sys.stdout.buffer, random.Random(0), time.monotonic()
    for _ in range(round(seconds * 10)):
        block = array.array("h", chance.choices(VALUES[kind], k=rate // 10 * channels))
        out.write(block.tobytes()); out.flush()
        if speed:
            due_s += 0.1 / speed
            time.sleep(max(0.0, due_s - time.monotonic()))
"""


@pytest.fixture
def player(tmp_path: Path) -> Callable[[str], list[str]]:
    """A command that runs a line of Python in which `play` writes PCM to stdout."""

    def command(line: str) -> list[str]:
        script = tmp_path / f"player{abs(hash(line))}.py"
        script.write_text(PLAYER + line)
        return [sys.executable, str(script)]

    return command


@pytest.fixture(scope="session")
def knocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a recording of four knocks in a quiet room."""
    file = tmp_path_factory.mktemp("knocks") / "evening.flac"
    soundfile.write(file, make_knocks(-55)[0][: FOUR_KNOCKS_S * RATE_HZ], RATE_HZ)
    return file


NOW_S = time.time() // 1
"""One moment for all events of a test: a second that ends between two of them would change their ids."""


def sound(ago_s: float, phase: str = "new", score: float = 0.9) -> SoundEvent:
    """A ring of the doorbell so long ago."""
    start = format_time(NOW_S - ago_s)
    return SoundEvent(
        id=make_event_id("mic", "alarms", "doorbell", start),
        phase=phase,
        source="mic",
        task="alarms",
        label="doorbell",
        score=score,
        margin=0.5,
        threshold=0.1,
        start=start,
        end=start,
        offset_s=1.0,
        level_dbfs=-30.0,
        blob_sha256="0" * 64,
        clip=None,
    )
