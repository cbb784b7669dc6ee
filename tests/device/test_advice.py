"""What an enrolment advises: its learning curve, suspects and copies by file, what to record."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from device_runtime.training.label_noise import find_suspect_labels
from device_runtime.training.learning_curve import CurvePoint, extrapolate_accuracy
from device_runtime.training.validation import ValidationResult
from device_runtime.workflows.report import ClassReport, advise
from edgecl.learning.metrics import wilson_interval
from tests.device.conftest import ALARMS, Edgecl
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Eight recordings of each alarm; a doorbell among the timers; a doorbell twice, once softly as OGG."""
    folder = tmp_path / "sounds"
    for label in ALARMS:
        (folder / label).mkdir(parents=True)
        for number in range(8):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    soundfile.write(folder / "timer" / "lost.wav", make_clip("doorbell", 8), RATE_HZ)
    soundfile.write(folder / "doorbell" / "again.ogg", make_clip("doorbell", 3) / 4, RATE_HZ)
    return folder


def test_an_enrolment_names_what_to_check_and_what_more_would_bring(edgecl: Edgecl, sounds: Path) -> None:
    told: dict[str, Any] = edgecl("enroll", "alarms", sounds, "--method", "slda", "--json").json
    (suspect,) = told["suspects"]
    assert suspect["file"] == str(sounds / "timer" / "lost.wav")
    assert (suspect["label"], suspect["looks_like"]) == ("timer", "doorbell")
    (copy,) = told["duplicates"]
    assert {copy["file"], copy["original"]} == {
        str(sounds / "doorbell" / "again.ogg"),
        str(sounds / "doorbell" / "3.wav"),
    }
    assert told["advice"] == []  # what was missed may only be mislabelled
    curve = told["learning_curve"]
    assert [point["recordings"] for point in curve] == [6, 13, 26]
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in curve)
    assert told["expected_of_twice_as_many"] >= curve[-1]["accuracy"]


def test_people_are_told_the_same(edgecl: Edgecl, sounds: Path) -> None:
    shown = " ".join(edgecl("enroll", "alarms", sounds, "--method", "slda").out.split())
    assert "lost.wav sounds like doorbell" in shown
    assert "is the same sound as" in shown
    assert "Accuracy with 6 / 13 / 26 recordings: " in shown


def point(recordings: int, accuracy: float) -> CurvePoint:
    return CurvePoint(recordings, accuracy, *wilson_interval(accuracy, 400))


def test_errors_go_on_falling_as_they_fell() -> None:
    assert extrapolate_accuracy([point(100, 0.6), point(200, 0.8)]) == pytest.approx(0.9)
    assert extrapolate_accuracy([point(100, 0.6), point(200, 0.7), point(400, 0.9)]) == pytest.approx(0.95)


def test_nothing_is_promised_where_more_brought_nothing_or_nothing_is_left_to_gain() -> None:
    assert extrapolate_accuracy([point(100, 0.8), point(200, 0.75)]) == 0.75
    assert extrapolate_accuracy([point(100, 1.0), point(200, 1.0)]) == 1.0
    assert extrapolate_accuracy([point(200, 0.9)]) is None


def test_who_is_sure_of_another_class_is_suspected_and_who_wavers_is_not() -> None:
    scores = np.array([[0.9, 0.1], [0.95, 0.05], [0.05, 0.95], [0.1, 0.9], [0.97, 0.03], [0.55, 0.45]])
    labels = np.array([0, 0, 1, 1, 1, 1])
    held_out = ValidationResult(np.arange(6) + 10, labels, scores)
    assert [(one.recording, one.label, one.looks_like) for one in find_suspect_labels(held_out)] == [
        (14, 1, 0)
    ]
    assert find_suspect_labels(replace(held_out, labels=scores.argmax(axis=1))) == []


RISING, FLAT = [point(100, 0.6), point(200, 0.8)], [point(100, 0.8), point(200, 0.8)]


def measured(label: str, clips: int, wrong: int) -> ClassReport:
    return ClassReport(label, clips, clips, clips, 1 - wrong / clips)


def test_while_the_curve_rises_more_is_asked_of_what_is_missed_worst_first() -> None:
    classes = [measured("cat", 20, 4), measured("dog", 60, 30), measured("owl", 20, 0)]
    assert list(advise(classes, RISING)) == ["record 40 more of 'dog'", "record 20 more of 'cat'"]


def test_where_more_brings_nothing_other_recordings_are_asked_for() -> None:
    (line,) = advise([measured("cat", 20, 4), measured("owl", 20, 0)], FLAT)
    assert line.startswith("more of the same will change little for 'cat'")


def test_nothing_is_asked_of_what_is_known_well_or_was_missed_once() -> None:
    classes = [measured("cat", 60, 2), measured("dog", 8, 1), measured("owl", 20, 0)]
    assert list(advise(classes, RISING)) == []
    assert list(advise(classes, FLAT)) == []


def test_three_recordings_tell_too_little_to_judge_by() -> None:
    (line,) = advise([measured("cat", 3, 2), measured("owl", 20, 0)], [point(23, 0.9)])
    assert line == "record 9 more of 'cat': 3 are too few to measure it"
