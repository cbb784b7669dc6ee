"""Faults that the frames of a live source reveal."""

import numpy as np
import pytest

from device_runtime.daemon.sources.base import Block
from device_runtime.daemon.sources.health import CHANNEL_CONDITIONS, SourceHealth

RATE_HZ = 1000
NOISE = np.random.RandomState(0).uniform(-0.5, 0.5, RATE_HZ).astype(np.float32)
ZEROS = np.zeros(RATE_HZ, np.float32)


def states_after(seconds: list[np.ndarray], frames_a_second: int = RATE_HZ) -> list[str]:
    """Return the state after each of these blocks, which arrive a second apart."""
    health = SourceHealth(RATE_HZ)
    blocks = (Block(0, np.resize(waveform, frames_a_second), 0.0) for waveform in seconds)
    return [health.update(block, float(now_s)).state for now_s, block in enumerate(blocks)]


def test_a_source_that_gives_sound_is_listening() -> None:
    assert states_after([NOISE] * 12) == ["listening"] * 12


def test_five_seconds_of_digital_silence_are_reported_and_so_is_their_end() -> None:
    expected = ["listening"] * 5 + ["silent"] * 3 + ["listening"] * 6
    assert states_after([NOISE] + [ZEROS] * 7 + [NOISE] * 6) == expected


def test_a_constant_other_than_zero_is_silence_too() -> None:
    assert states_after([ZEROS + 0.25] * 6)[-1] == "silent"
    assert states_after([ZEROS + 0.25, ZEROS] * 3)[-1] == "starting"


def test_one_value_that_trickles_in_is_silence_too() -> None:
    assert states_after([ZEROS] * 12, frames_a_second=1) == ["starting"] * 10 + ["silent"] * 2


def test_faint_noise_is_no_silence() -> None:
    assert states_after([NOISE / 2**14] * 8)[-1] == "listening"


def test_clipping_is_reported_until_the_gain_is_turned_down() -> None:
    states = states_after([np.sign(NOISE)] * 6 + [NOISE] * 10)
    assert states[5] == "clipping"
    assert states[6 + 5] == "listening"


def test_one_loud_second_is_no_clipping() -> None:
    assert states_after([NOISE] * 3 + [np.sign(NOISE)] + [NOISE] * 6) == ["listening"] * 10


def test_frames_that_arrive_too_fast_or_too_slowly_are_reported_within_ten_seconds() -> None:
    assert states_after([NOISE] * 10, frames_a_second=3 * RATE_HZ)[-1] == "wrong rate"
    assert states_after([NOISE] * 10, frames_a_second=RATE_HZ // 2)[-1] == "wrong rate"


def test_a_pause_in_reading_is_not_mistaken_for_another_rate() -> None:
    health, states = SourceHealth(RATE_HZ), set()
    pieces = np.split(np.tile(NOISE, 12), 120)  # a tenth of a second each
    for number, waveform in enumerate(pieces):
        late_s = 4.0 if 30 <= number < 40 else 0.0  # frames that were not read in time, all at once
        states.add(health.update(Block(0, waveform, 0.0), max(number / 10, late_s)).state)
    assert states == {"listening"}


def test_a_pipe_that_is_read_late_is_not_mistaken_for_another_rate() -> None:
    blocks = [NOISE] * 4 + [np.tile(NOISE, 4)] + [NOISE] * 9
    health = SourceHealth(RATE_HZ)
    states = {health.update(Block(0, waveform, 0.0), float(now)).state for now, waveform in enumerate(blocks)}
    assert states == {"listening"}


def test_channel_faults_are_reported_when_they_last_and_so_is_their_end() -> None:
    for fault in CHANNEL_CONDITIONS:
        health = SourceHealth(RATE_HZ)
        faults = [None, fault, *[None] * 5, *[fault] * 8, *[None] * 8]
        blocks = [Block(0, NOISE, 0.0, one) for one in faults]
        states = [health.update(block, float(now_s)).state for now_s, block in enumerate(blocks)]
        assert states[:8] == ["listening"] * 8
        assert states[14] == fault
        assert states[-1] == "listening"


@pytest.mark.parametrize("offset", [0.05, -0.1, 0.3])
def test_an_offset_is_reported_when_it_lasts_and_so_is_its_end(offset: float) -> None:
    states = states_after([NOISE / 4] * 6 + [NOISE / 4 + np.float32(offset)] * 8 + [NOISE / 4] * 8)
    assert states[:7] == ["listening"] * 7
    assert states[13] == "dc offset"
    assert states[-1] == "listening"


def test_an_offset_near_the_limit_does_not_flip_the_state() -> None:
    offsets = [*[0.04] * 7, *[0.025, 0.035] * 10]
    states = states_after([NOISE / 4 + np.float32(offset) for offset in offsets])
    assert states[6:] == ["dc offset"] * len(states[6:])


def test_a_microphone_is_too_soft_until_something_is_loud() -> None:
    faint, loud = NOISE / 2**12, NOISE / 2**6
    states = states_after([faint] * 60 + [loud] + [faint] * 120)
    assert states[:18] == ["listening"] * 18
    assert states[26:60] == ["too soft"] * 34
    assert states[66:] == ["listening"] * len(states[66:])


def test_a_quiet_room_after_a_sound_is_not_too_soft() -> None:
    assert set(states_after([NOISE / 2**5] * 3 + [NOISE / 2**12] * 300)) == {"listening"}


def test_a_microphone_near_the_limit_does_not_flip_between_too_soft_and_listening() -> None:
    softer, louder = NOISE * 2 * 10 ** (-66 / 20), NOISE * 2 * 10 ** (-62 / 20)  # −71 and −67 dBFS
    states = states_after([softer] * 30 + [louder] * 30)
    assert states[26:] == ["too soft"] * len(states[26:])


def test_blocks_of_any_size_give_the_same_level() -> None:
    for size in (7, 5000):
        health = SourceHealth(RATE_HZ)
        waveform = np.tile(NOISE / 2**12, 30)
        for start in range(0, waveform.size, size):
            block = Block(start, waveform[start : start + size], 0.0)
            health.update(block, block.next_frame / RATE_HZ)
        assert health.condition.state == "too soft"
