"""The demonstrations: matching with the ground truth, and both of them run to the end."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deadlines import SOON_S
from tools.demo.compare import find_false_alarms_in_silence, match_events
from tools.demo.ground_truth import GroundTruth
from tools.demo.microphone import generate_scenes
from tools.demo.synthesise import Event
from tools.demo.waveforms import RATE_HZ

ROOT = Path(__file__).parents[3]
BELL = Event(1.0, 3.0, "alarms", "doorbell")
GLASS = Event(4.0, 5.0, "kitchen", "glass")


def test_a_true_event_is_matched_with_the_longest_overlap_of_its_own_task() -> None:
    short = Event(0.5, 1.2, "alarms", "timer")
    long = Event(1.3, 3.5, "alarms", "doorbell")
    (match,) = match_events([BELL], [short, long])
    assert match.detection == long
    assert match.is_correct


def test_a_missed_sound_is_not_correct() -> None:
    (match,) = match_events([BELL], [Event(3.0, 4.0, "alarms", "doorbell")])
    assert match.detection is None
    assert not match.is_correct


def test_false_alarms_of_the_other_task_and_in_silence_are_found() -> None:
    false_alarm = Event(4.2, 4.8, "alarms", "smoke_alarm")
    ghost = Event(8.0, 9.0, "kitchen", "knock")
    _, match = match_events([BELL, GLASS], [false_alarm, ghost])
    assert match.false_alarms == (false_alarm,)
    assert find_false_alarms_in_silence([BELL, GLASS], [false_alarm, ghost]) == [ghost]


@pytest.mark.slow
def test_the_demonstration_succeeds(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--bundle", str(bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * SOON_S,
    )
    assert done.returncode == 0, done.stderr
    assert "$ edgecl enroll alarms alarms" in done.stdout
    assert "bit for bit the same file" in done.stdout
    assert _count_correct(done.stdout) >= 7


def test_the_ground_truth_knows_what_the_microphone_plays_and_when() -> None:
    truth, scene = GroundTruth(1.5), next(generate_scenes(1, pause_s=1.5))[1]
    length_s = scene.size / RATE_HZ
    assert truth.find(Event(0.0, 0.4, "alarms", "timer")) is None
    assert truth.find(Event(1.0, 2.0, "kitchen", "glass")) == Event(1.5, length_s, "alarms", "doorbell")
    second = truth.find(Event(length_s + 1.4, length_s + 1.6, "alarms", "timer"))
    assert second is not None
    assert (second.start_s, second.task, second.label) == (length_s + 1.5, "kitchen", "glass")


def test_a_detection_is_correct_within_half_a_window_of_a_short_sound() -> None:
    truth = GroundTruth(1.5)
    glass = truth.find(Event(6.0, 6.5, "kitchen", "glass"))
    assert glass is not None
    assert glass.label == "glass"
    for start_s in (glass.start_s - 1.4, glass.end_s + 0.9):
        assert truth.find(Event(start_s, start_s + 0.5, "kitchen", "glass")) == glass
    assert truth.find(Event(glass.start_s - 1.4, glass.start_s - 0.9, "kitchen", "knock")) != glass


@pytest.mark.slow
def test_the_daemons_demonstration_succeeds(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo.daemon", "--bundle", str(bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * SOON_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "new sound detected" in done.stdout
    assert " 0 frames lost" in done.stdout
    assert "bit for bit the same file" in done.stdout


def _count_correct(output: str) -> int:
    """Return how many of the eight sounds were detected correctly."""
    (line,) = [line for line in output.splitlines() if "detected correctly" in line]
    return int(line.split(" of 8 ")[0])
