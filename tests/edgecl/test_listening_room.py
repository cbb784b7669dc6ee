"""Rooms in which recordings are played: their reverberation and noise are as strong as they say."""

import numpy as np
import pytest

from edgecl.augmentation.listening_room import LISTENING_ROOMS, ListeningRoom

RATE_HZ = 16_000
WINDOW = 2 * RATE_HZ


@pytest.fixture
def click() -> np.ndarray:
    """A click in the middle of a second of silence."""
    sound = np.zeros(RATE_HZ, np.float32)
    sound[8000:8016] = 0.5
    return sound


def test_a_short_sound_lies_in_the_middle_of_a_window(click: np.ndarray) -> None:
    recorded = LISTENING_ROOMS[0].record(click, RATE_HZ, None, WINDOW)
    assert recorded.dtype == np.float32
    assert recorded.size == WINDOW
    assert abs(int(np.abs(recorded).argmax()) - WINDOW // 2) < 100
    assert LISTENING_ROOMS[0].record(np.tile(click, 3), RATE_HZ, None, WINDOW).size == 3 * RATE_HZ


def test_the_same_recording_is_played_in_the_same_way(click: np.ndarray) -> None:
    first, second = (LISTENING_ROOMS[1].record(click, RATE_HZ, None, WINDOW) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("room", LISTENING_ROOMS, ids=lambda room: room.name)
def test_the_noise_is_as_far_below_the_sound_as_the_room_says(room: ListeningRoom) -> None:
    tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(WINDOW) / RATE_HZ)).astype(np.float32)
    dry = ListeningRoom(room.name, room.rt60_s, room.direct_to_reverberant_db, snr_db=200)
    noise = room.record(tone, RATE_HZ, None, WINDOW) - dry.record(tone, RATE_HZ, None, WINDOW)
    assert 20 * np.log10(tone.std() / noise.std()) == pytest.approx(room.snr_db, abs=0.5)


def test_a_click_decays_within_the_reverberation_time(click: np.ndarray) -> None:
    room = ListeningRoom("hall", rt60_s=0.5, direct_to_reverberant_db=0, snr_db=200)
    energy = np.square(room.record(click, RATE_HZ, None, WINDOW).astype(np.float64))
    begin = int(energy.argmax())
    decay = energy[begin:][::-1].cumsum()[::-1]  # Schroeder integration
    level_db = 10 * np.log10(decay / decay[0])
    upper, lower = (int(np.flatnonzero(level_db < level)[0]) for level in (-5, -25))
    assert 0.3 <= 3 * (lower - upper) / RATE_HZ <= 0.6
