"""Evaluation: what becomes of each recording, and which recordings may count."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.device.conftest import ALARMS, Edgecl
from tools.demo.synthesise import FIRST_UNSEEN, make_clip
from tools.demo.waveforms import RATE_HZ


@pytest.fixture
def unseen(tmp_path: Path) -> Path:
    """Write one recording of each alarm that was not enrolled."""
    for label in ALARMS:
        write(tmp_path / "unseen" / label / "new.wav", label)
    return tmp_path / "unseen"


def write(path: Path, sound: str, seconds: float = 2.0) -> None:
    """Write an unseen clip, in the middle of faint noise."""
    samples = np.random.RandomState(1).uniform(-1e-3, 1e-3, int(seconds * RATE_HZ))
    clip = make_clip(sound, FIRST_UNSEEN)[: samples.size]
    samples[(samples.size - clip.size) // 2 :][: clip.size] += clip
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)


def test_enrolled_recordings_alone_give_no_headline(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    answer = edgecl("evaluate", "alarms", recordings / "alarms")
    assert "all 12 recordings were enrolled" in answer.err
    assert "No accuracy" in answer.out
    assert "%" not in answer.out
    result = edgecl("evaluate", "alarms", recordings / "alarms", "--json").json
    assert (result["enrolled"], result["held_out"]) == (12, False)
    assert "all 12 recordings were enrolled" in result["notes"][-1]


def test_enrolled_recordings_are_not_counted_among_new_ones(
    edgecl: Edgecl, home: Path, recordings: Path, unseen: Path
) -> None:
    shutil.copytree(recordings / "alarms", unseen, dirs_exist_ok=True)
    answer = edgecl("evaluate", "alarms", unseen)
    assert "12 of the 15 recordings were enrolled and are not counted" in answer.err
    assert "of 3 recordings" in answer.out
    assert "Right by score: 0.9 to 1: 100.0 % of 3" in answer.out
    result = edgecl("evaluate", "alarms", unseen, "--json").json
    assert (result["enrolled"], result["recordings"], result["held_out"]) == (12, 3, True)
    assert [(one["count"], one["right"]) for one in result["reliability"]] == [(3, 1.0)]
    assert [row["support"] for row in result["classes"]] == [1, 1, 1]
    assert sum(map(sum, result["confusion"])) == 3
    assert [file["file"].endswith("new.wav") for file in result["files"]] == [
        not file["enrolled"] for file in result["files"]
    ]


def test_without_enrolled_recordings_nothing_is_said_of_them(
    edgecl: Edgecl, home: Path, unseen: Path
) -> None:
    answer = edgecl("evaluate", "alarms", unseen)
    assert "enrolled" not in answer.out + answer.err
    assert "Detected: 100.0 % of 3 recordings (0 missed, 0 with a wrong label)" in answer.out


def test_each_recording_is_detected_missed_or_answered_with_a_wrong_label(
    edgecl: Edgecl, home: Path, unseen: Path
) -> None:
    write(unseen / "doorbell" / "a timer in truth.wav", "timer")
    write(unseen / "doorbell" / "a knock in truth.wav", "knock")
    result = edgecl("evaluate", "alarms", unseen, "--json").json
    rows = {
        row["label"]: (row["detected"], row["missed"], row["wrong_label"], row["false_alarms"])
        for row in result["classes"]
    }
    assert rows == {"doorbell": (1, 1, 1, 0), "smoke_alarm": (1, 0, 0, 0), "timer": (1, 0, 0, 1)}
    shown = edgecl("evaluate", "alarms", unseen).out
    assert "Detected: 60.0 % of 5 recordings (1 missed, 1 with a wrong label)" in shown
    assert "timer 1" in shown


def test_evaluation_and_prediction_agree_on_clips_and_longer_recordings(
    edgecl: Edgecl, home: Path, unseen: Path
) -> None:
    for label in ("timer", "knock"):
        write(unseen / "timer" / f"long {label}.wav", label, seconds=6.0)
    evaluated = edgecl("evaluate", "alarms", unseen, "--json").json["files"]
    predicted = edgecl("predict", unseen, "--task", "alarms", "--json").json["files"]
    answers = {
        file["file"]: [file["answer"]["label"]]
        if file["answer"]
        else sorted({e["label"] for e in file["events"]})
        for file in predicted
    }
    assert {file["file"]: file["detected"] for file in evaluated} == answers
    assert answers[str(unseen / "timer" / "long timer.wav")] == ["timer"]


def test_enrolled_recordings_among_those_without_the_sounds_are_named(
    edgecl: Edgecl, home: Path, recordings: Path, unseen: Path
) -> None:
    answer = edgecl("evaluate", "alarms", unseen, "--unknown", recordings / "alarms" / "timer")
    assert "4 of the recordings without its sounds were enrolled as well" in answer.err


def test_recordings_are_played_in_three_rooms(edgecl: Edgecl, home: Path, unseen: Path) -> None:
    rooms = edgecl("evaluate", "alarms", unseen, "--json").json["rooms"]
    assert [room["name"] for room in rooms] == ["quiet room", "living room", "noisy room"]
    assert [room["recordings"] for room in rooms] == [3, 3, 3]
    assert rooms[0]["detected"] >= rooms[2]["detected"]
    assert rooms[0]["detected"] >= 2
    shown = edgecl("evaluate", "alarms", unseen).out
    assert "living room" in shown
    assert "RT60" in shown
    assert edgecl("evaluate", "alarms", unseen, "--no-rooms", "--json").json["rooms"] == []
