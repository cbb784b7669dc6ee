"""The sound of what was heard, cut from what is remembered."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from edgecl.events import SoundEvent, format_time
from tests.device.daemon.conftest import sound

RATE_HZ = 1000
BEFORE, AFTER = 0.25, -0.25  # what is heard before a gap, and after it


def lasting(offset_s: float, seconds: float) -> SoundEvent:
    """A sound that was heard to its end."""
    times = {"start": format_time(offset_s), "end": format_time(offset_s + seconds)}
    return sound(0, "end").model_copy(update={**times, "offset_s": offset_s, "id": f"{round(offset_s):016x}"})


def fed(seconds: float, level: float, recent: AudioRingBuffer) -> None:
    recent.feed(np.full(round(seconds * RATE_HZ), level, np.float32))


@pytest.fixture
def recent() -> AudioRingBuffer:
    return AudioRingBuffer(RATE_HZ, seconds=60)


@pytest.fixture
def heard(recent: AudioRingBuffer, tmp_path: Path) -> EventAudio:
    return EventAudio(recent, tmp_path)


def listen(heard: EventAudio, event: SoundEvent) -> np.ndarray:
    waveform, rate_hz = soundfile.read(io.BytesIO(heard.audio(event)))
    assert rate_hz == RATE_HZ
    return waveform


def test_a_sound_before_a_short_gap_holds_nothing_of_what_came_after(
    recent: AudioRingBuffer, heard: EventAudio
) -> None:
    fed(5, BEFORE, recent)
    recent.begin(5.6)
    fed(5, AFTER, recent)
    heard.take(ring := lasting(3.0, 2.0))
    waveform = listen(heard, ring)
    assert waveform.size == 3 * RATE_HZ
    assert (waveform == BEFORE).all()


def test_of_a_sound_longer_than_all_that_is_remembered_the_end_can_be_heard(
    recent: AudioRingBuffer, heard: EventAudio
) -> None:
    fed(100, BEFORE, recent)
    heard.take(siren := lasting(5.0, 94.0))
    assert heard.is_audible(siren)
    assert listen(heard, siren).size == 32 * RATE_HZ


def test_the_first_sound_of_all_can_be_heard(recent: AudioRingBuffer, heard: EventAudio) -> None:
    fed(5, BEFORE, recent)
    heard.take(ring := lasting(0.0, 2.0))
    assert listen(heard, ring).size == 3 * RATE_HZ


def test_what_is_forgotten_says_so(recent: AudioRingBuffer, heard: EventAudio) -> None:
    fed(5, BEFORE, recent)
    heard.take(ring := lasting(1.0, 2.0))
    fed(60, AFTER, recent)
    assert not heard.is_audible(ring)
    with pytest.raises(NotHereError, match="not remembered any more"):
        heard.audio(ring)


def test_the_newest_sound_begins_after_the_last_gap(recent: AudioRingBuffer, heard: EventAudio) -> None:
    fed(5, BEFORE, recent)
    recent.begin(90)
    fed(3, AFTER, recent)
    waveform, _ = soundfile.read(io.BytesIO(heard.last(60)))
    assert waveform.size == 3 * RATE_HZ
    assert (waveform == AFTER).all()
