"""The audio of events, cut from the ring buffer."""

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
BEFORE, AFTER = 0.25, -0.25  # sample values before a gap and after it


def make_event(offset_s: float, seconds: float) -> SoundEvent:
    """Return an event that has ended."""
    times = {"start": format_time(offset_s), "end": format_time(offset_s + seconds)}
    return sound(0, "end").model_copy(update={**times, "offset_s": offset_s, "id": f"{round(offset_s):016x}"})


def feed(seconds: float, level: float, recent: AudioRingBuffer) -> None:
    recent.append(np.full(round(seconds * RATE_HZ), level, np.float32))


@pytest.fixture
def recent() -> AudioRingBuffer:
    return AudioRingBuffer(RATE_HZ, seconds=60)


@pytest.fixture
def event_audio(recent: AudioRingBuffer, tmp_path: Path) -> EventAudio:
    return EventAudio(recent, tmp_path)


def read(event_audio: EventAudio, event: SoundEvent) -> np.ndarray:
    waveform, rate_hz = soundfile.read(io.BytesIO(event_audio.read(event)))
    assert rate_hz == RATE_HZ
    return waveform


def test_audio_before_a_short_gap_contains_nothing_from_after_it(
    recent: AudioRingBuffer, event_audio: EventAudio
) -> None:
    feed(5, BEFORE, recent)
    recent.start_stream(5.6)
    feed(5, AFTER, recent)
    event_audio.add_event(ring := make_event(3.0, 2.0))
    waveform = read(event_audio, ring)
    assert waveform.size == 3 * RATE_HZ
    assert (waveform == BEFORE).all()


def test_of_a_sound_longer_than_the_buffer_the_end_is_returned(
    recent: AudioRingBuffer, event_audio: EventAudio
) -> None:
    feed(100, BEFORE, recent)
    event_audio.add_event(siren := make_event(5.0, 94.0))
    assert event_audio.is_available(siren)
    assert read(event_audio, siren).size == 32 * RATE_HZ


def test_the_audio_of_the_very_first_sound_is_returned(
    recent: AudioRingBuffer, event_audio: EventAudio
) -> None:
    feed(5, BEFORE, recent)
    event_audio.add_event(ring := make_event(0.0, 2.0))
    assert read(event_audio, ring).size == 3 * RATE_HZ


def test_overwritten_audio_is_an_error(recent: AudioRingBuffer, event_audio: EventAudio) -> None:
    feed(5, BEFORE, recent)
    event_audio.add_event(ring := make_event(1.0, 2.0))
    feed(60, AFTER, recent)
    assert not event_audio.is_available(ring)
    with pytest.raises(NotHereError, match="there is no recording of sound"):
        event_audio.read(ring)


def test_the_latest_audio_begins_after_the_last_gap(recent: AudioRingBuffer, event_audio: EventAudio) -> None:
    feed(5, BEFORE, recent)
    recent.start_stream(90)
    feed(3, AFTER, recent)
    waveform, _ = soundfile.read(io.BytesIO(event_audio.read_latest(60)))
    assert waveform.size == 3 * RATE_HZ
    assert (waveform == AFTER).all()
