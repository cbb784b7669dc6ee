"""A stream gives the same detections as the whole recording, however it is cut into chunks."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, TaskDetection, detect_sounds
from edgecl.detection import DetectionRule
from tests.device.conftest import RINGS_AT_S
from tools.demo.waveforms import RATE_HZ


@pytest.fixture(scope="module")
def offline(recognizer: Recognizer, evening: np.ndarray) -> list[TaskDetection]:
    return detect_sounds(recognizer, evening)


def test_both_rings_are_detected_at_their_time(offline: list[TaskDetection]) -> None:
    rings = [one.detection for one in offline if one.detection.label == "doorbell"]
    assert len(rings) == len(RINGS_AT_S)
    for ring, at_s in zip(rings, RINGS_AT_S, strict=True):
        assert at_s - 1 < ring.start_s < at_s + 2


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 16 * RATE_HZ), max_size=30))
def test_any_chunks_give_the_detections_of_the_whole_recording(
    recognizer: Recognizer, evening: np.ndarray, offline: list[TaskDetection], cuts: list[int]
) -> None:
    stream = StreamRecognizer(recognizer)
    detections = [
        one
        for chunk in np.split(evening, sorted(cuts))
        for result in stream.feed(chunk)
        for one in result.detections
    ]
    detections += stream.finish()
    assert (
        sorted((one for one in detections if one.phase == "end"), key=lambda one: one.detection.start_s)
        == offline
    )


def test_a_window_result_has_the_level_of_its_last_hop(recognizer: Recognizer, evening: np.ndarray) -> None:
    results = list(StreamRecognizer(recognizer).feed(evening))
    levels = {result.end_s: result.level_dbfs for result in results}
    assert levels[3.0] == pytest.approx(-64.8, abs=0.5)
    assert max(levels[end_s] for end_s in (3.5, 4.0, 4.5)) > -40


def test_a_task_follows_its_own_rule(recognizer: Recognizer, evening: np.ndarray) -> None:
    stream = StreamRecognizer(recognizer, lambda task: DetectionRule(thresholds={"doorbell": 9.0}))
    detections = [one for result in stream.feed(evening) for one in result.detections] + stream.finish()
    assert "doorbell" not in {one.detection.label for one in detections}


def test_detections_of_a_removed_task_end_and_those_of_a_kept_one_continue(
    recognizer: Recognizer, evening: np.ndarray
) -> None:
    stream = StreamRecognizer(recognizer)
    ringing = evening[3 * RATE_HZ : 6 * RATE_HZ]
    assert [one.phase for result in stream.feed(ringing) for one in result.detections][:1] == ["new"]
    assert stream.set_recognizer(Recognizer(recognizer.runtime, recognizer.tasks)) == []
    ended = stream.set_recognizer(Recognizer(recognizer.runtime, []))
    assert {(one.task, one.phase) for one in ended} == {("alarms", "end")}
    assert stream.finish() == []
