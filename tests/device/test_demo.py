"""The demonstration: what it compares, and that the whole story comes true."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.demo.compare import compare, in_silence
from tools.demo.ground_truth import Truth
from tools.demo.microphone import generate_scenes
from tools.demo.synthesise import Event
from tools.demo.waveforms import RATE_HZ

ROOT = Path(__file__).parents[2]
BELL = Event(1.0, 3.0, "alarms", "doorbell")
GLASS = Event(4.0, 5.0, "kitchen", "glass")


def test_the_longest_overlap_of_its_own_task_is_what_was_heard() -> None:
    brief = Event(0.5, 1.2, "alarms", "timer")
    long = Event(1.3, 3.5, "alarms", "doorbell")
    (line,) = compare([BELL], [brief, long])
    assert line.heard == long
    assert line.right


def test_a_sound_nobody_heard_is_not_right() -> None:
    (line,) = compare([BELL], [Event(3.0, 4.0, "alarms", "doorbell")])
    assert line.heard is None
    assert not line.right


def test_the_other_tasks_claims_and_sounds_heard_in_silence_are_told() -> None:
    claim = Event(4.2, 4.8, "alarms", "smoke_alarm")
    ghost = Event(8.0, 9.0, "kitchen", "knock")
    _, line = compare([BELL, GLASS], [claim, ghost])
    assert line.others == (claim,)
    assert in_silence([BELL, GLASS], [claim, ghost]) == [ghost]


@pytest.mark.slow
def test_the_story_comes_true(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--bundle", str(bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "$ edgecl enroll alarms alarms" in done.stdout
    assert "bit for bit the same file" in done.stdout
    assert _right(done.stdout) >= 7


def test_the_truth_knows_what_the_microphone_plays_and_when() -> None:
    truth, scene = Truth(1.5), next(generate_scenes(1, pause_s=1.5))[1]
    length_s = scene.size / RATE_HZ
    assert truth.of(Event(0.0, 0.4, "alarms", "timer")) is None
    assert truth.of(Event(1.0, 2.0, "kitchen", "glass")) == Event(1.5, length_s, "alarms", "doorbell")
    second = truth.of(Event(length_s + 1.4, length_s + 1.6, "alarms", "timer"))
    assert second is not None
    assert (second.start_s, second.task, second.label) == (length_s + 1.5, "kitchen", "glass")


def test_a_short_sound_is_called_right_as_far_as_a_window_hears_to_either_side() -> None:
    truth = Truth(1.5)
    glass = truth.of(Event(6.0, 6.5, "kitchen", "glass"))
    assert glass is not None
    assert glass.label == "glass"
    for start_s in (glass.start_s - 1.4, glass.end_s + 0.9):
        assert truth.of(Event(start_s, start_s + 0.5, "kitchen", "glass")) == glass
    assert truth.of(Event(glass.start_s - 1.4, glass.start_s - 0.9, "kitchen", "knock")) != glass


@pytest.mark.slow
def test_the_daemons_story_comes_true(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo.daemon", "--bundle", str(bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it hears" in done.stdout
    assert " 0 frames lost" in done.stdout
    assert "bit for bit the same file" in done.stdout


def _right(story: str) -> int:
    """How many of the eight sounds the story says were called by their name."""
    (line,) = [line for line in story.splitlines() if "called by their name" in line]
    return int(line.split(" of 8 ")[0])
