"""A stream is heard as the whole recording is, however its sound was cut into chunks."""

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


def test_both_rings_are_heard_where_they_are(offline: list[TaskDetection]) -> None:
    rings = [one.detection for one in offline if one.detection.label == "doorbell"]
    assert len(rings) == len(RINGS_AT_S)
    for ring, at_s in zip(rings, RINGS_AT_S, strict=True):
        assert at_s - 1 < ring.start_s < at_s + 2


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 16 * RATE_HZ), max_size=30))
def test_any_chunks_give_what_the_whole_recording_gives(
    recognizer: Recognizer, evening: np.ndarray, offline: list[TaskDetection], cuts: list[int]
) -> None:
    listening = StreamRecognizer(recognizer)
    heard = [
        one
        for chunk in np.split(evening, sorted(cuts))
        for moment in listening.feed(chunk)
        for one in moment.detections
    ]
    heard += listening.finish()
    assert (
        sorted((one for one in heard if one.phase == "end"), key=lambda one: one.detection.start_s) == offline
    )


def test_a_moment_says_how_loud_its_newest_half_second_is(
    recognizer: Recognizer, evening: np.ndarray
) -> None:
    moments = list(StreamRecognizer(recognizer).feed(evening))
    levels = {moment.end_s: moment.level_dbfs for moment in moments}
    assert levels[3.0] == pytest.approx(-64.8, abs=0.5)
    assert max(levels[end_s] for end_s in (3.5, 4.0, 4.5)) > -40


def test_a_task_follows_its_own_rule(recognizer: Recognizer, evening: np.ndarray) -> None:
    listening = StreamRecognizer(recognizer, lambda task: DetectionRule(thresholds={"doorbell": 9.0}))
    heard = [one for moment in listening.feed(evening) for one in moment.detections] + listening.finish()
    assert "doorbell" not in {one.detection.label for one in heard}


def test_a_task_that_is_forgotten_ends_what_it_hears_and_one_that_stays_goes_on(
    recognizer: Recognizer, evening: np.ndarray
) -> None:
    listening = StreamRecognizer(recognizer)
    ringing = evening[3 * RATE_HZ : 6 * RATE_HZ]
    assert [one.phase for moment in listening.feed(ringing) for one in moment.detections][:1] == ["new"]
    assert listening.set_recognizer(Recognizer(recognizer.runtime, recognizer.tasks)) == []
    ended = listening.set_recognizer(Recognizer(recognizer.runtime, []))
    assert {(one.task, one.phase) for one in ended} == {("alarms", "end")}
    assert listening.finish() == []
