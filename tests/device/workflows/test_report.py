"""The report on an enrolment: learning curve, suspects, near duplicates, advice."""

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
    """Write eight recordings of each alarm, a doorbell among the timers, and one doorbell twice."""
    folder = tmp_path / "sounds"
    for label in ALARMS:
        (folder / label).mkdir(parents=True)
        for number in range(8):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    soundfile.write(folder / "timer" / "lost.wav", make_clip("doorbell", 8), RATE_HZ)
    soundfile.write(folder / "doorbell" / "again.ogg", make_clip("doorbell", 3) / 4, RATE_HZ)
    return folder


def test_an_enrolment_reports_suspects_duplicates_and_a_curve(edgecl: Edgecl, sounds: Path) -> None:
    result: dict[str, Any] = edgecl("enroll", "alarms", sounds, "--method", "slda", "--json").json
    (suspect,) = result["suspects"]
    assert suspect["file"] == str(sounds / "timer" / "lost.wav")
    assert (suspect["label"], suspect["looks_like"]) == ("timer", "doorbell")
    (copy,) = result["duplicates"]
    assert {copy["file"], copy["original"]} == {
        str(sounds / "doorbell" / "again.ogg"),
        str(sounds / "doorbell" / "3.wav"),
    }
    assert result["advice"] == []  # missed recordings may only be mislabelled
    curve = result["learning_curve"]
    assert [point["recordings"] for point in curve] == [6, 13, 26]
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in curve)
    assert result["expected_of_twice_as_many"] >= curve[-1]["accuracy"]
    rooms = result["rooms"]
    assert [one["name"] for one in rooms] == ["quiet room", "living room", "noisy room"]
    assert {one["recordings"] for one in rooms} == {6}
    assert rooms[0]["detected"] >= 4
    assert all(0 <= one["detected"] <= 6 for one in rooms)


def test_the_printed_report_has_the_same_findings(edgecl: Edgecl, sounds: Path) -> None:
    shown = " ".join(edgecl("enroll", "alarms", sounds, "--method", "slda").out.split())
    assert "lost.wav sounds like doorbell" in shown
    assert "is the same sound as" in shown
    assert "Accuracy with 6 / 13 / 26 recordings: " in shown
    assert "Detected of 6 held-out recordings, played in a quiet room " in shown


def make_point(recordings: int, accuracy: float) -> CurvePoint:
    return CurvePoint(recordings, accuracy, *wilson_interval(accuracy, 400))


def test_the_expected_accuracy_extrapolates_the_error_as_a_power_law() -> None:
    assert extrapolate_accuracy([make_point(100, 0.6), make_point(200, 0.8)]) == pytest.approx(0.9)
    assert extrapolate_accuracy(
        [make_point(100, 0.6), make_point(200, 0.7), make_point(400, 0.9)]
    ) == pytest.approx(0.95)


def test_a_flat_or_perfect_curve_promises_no_gain() -> None:
    assert extrapolate_accuracy([make_point(100, 0.8), make_point(200, 0.75)]) == 0.75
    assert extrapolate_accuracy([make_point(100, 1.0), make_point(200, 1.0)]) == 1.0
    assert extrapolate_accuracy([make_point(200, 0.9)]) is None


def test_a_confident_mistake_is_a_suspect_label_and_an_uncertain_one_is_not() -> None:
    scores = np.array([[0.9, 0.1], [0.95, 0.05], [0.05, 0.95], [0.1, 0.9], [0.97, 0.03], [0.55, 0.45]])
    labels = np.array([0, 0, 1, 1, 1, 1])
    held_out = ValidationResult(np.arange(6) + 10, labels, scores)
    assert [(one.recording, one.label, one.looks_like) for one in find_suspect_labels(held_out)] == [
        (14, 1, 0)
    ]
    assert find_suspect_labels(replace(held_out, labels=scores.argmax(axis=1))) == []


RISING, FLAT = [make_point(100, 0.6), make_point(200, 0.8)], [make_point(100, 0.8), make_point(200, 0.8)]


def make_class(label: str, clips: int, wrong: int) -> ClassReport:
    return ClassReport(label, clips, clips, clips, 1 - wrong / clips)


def test_while_the_curve_rises_more_recordings_of_missed_classes_are_advised_worst_first() -> None:
    classes = [make_class("cat", 20, 4), make_class("dog", 60, 30), make_class("owl", 20, 0)]
    assert list(advise(classes, RISING)) == ["record 40 more of 'dog'", "record 20 more of 'cat'"]


def test_if_the_curve_is_flat_other_recordings_are_advised() -> None:
    (line,) = advise([make_class("cat", 20, 4), make_class("owl", 20, 0)], FLAT)
    assert line.startswith("more of the same will change little for 'cat'")


def test_nothing_is_advised_for_classes_with_good_recall_or_a_single_miss() -> None:
    classes = [make_class("cat", 60, 2), make_class("dog", 8, 1), make_class("owl", 20, 0)]
    assert list(advise(classes, RISING)) == []
    assert list(advise(classes, FLAT)) == []


def test_more_recordings_are_advised_for_a_class_with_three() -> None:
    (line,) = advise([make_class("cat", 3, 2), make_class("owl", 20, 0)], [make_point(23, 0.9)])
    assert line == "record 9 more of 'cat': 3 are too few to measure it"
