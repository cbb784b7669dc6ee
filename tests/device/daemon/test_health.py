"""What the frames of a live source tell about it."""

import numpy as np

from device_runtime.daemon.sources.base import Block
from device_runtime.daemon.sources.health import SourceHealth

RATE_HZ = 1000
NOISE = np.random.RandomState(0).uniform(-0.5, 0.5, RATE_HZ).astype(np.float32)
ZEROS = np.zeros(RATE_HZ, np.float32)


def states(seconds: list[np.ndarray], frames_a_second: int = RATE_HZ) -> list[str]:
    """The state after each of these blocks, which come a second apart."""
    health = SourceHealth(RATE_HZ)
    blocks = (Block(0, np.resize(waveform, frames_a_second), 0.0) for waveform in seconds)
    return [health.judge(block, float(now_s)).state for now_s, block in enumerate(blocks)]


def test_sound_is_listened_to() -> None:
    assert states([NOISE] * 12) == ["listening"] * 12


def test_five_seconds_of_digital_silence_are_told_and_so_is_the_end_of_them() -> None:
    expected = ["listening"] * 5 + ["silent"] * 3 + ["listening"] * 6
    assert states([NOISE] + [ZEROS] * 7 + [NOISE] * 6) == expected


def test_a_constant_other_than_zero_is_silence_too() -> None:
    assert states([ZEROS + 0.25] * 6)[-1] == "silent"
    assert states([ZEROS + 0.25, ZEROS] * 3)[-1] == "starting"


def test_faint_noise_is_no_silence() -> None:
    assert states([NOISE / 2**14] * 8)[-1] == "listening"


def test_an_overdriven_input_is_told_until_it_is_turned_down() -> None:
    clipped = np.sign(NOISE)
    told = states([clipped] * 6 + [NOISE] * 10)
    assert told[5] == "clipping"
    assert told[6 + 5] == "listening"


def test_a_clap_is_no_clipping() -> None:
    assert states([NOISE] * 3 + [np.sign(NOISE)] + [NOISE] * 6) == ["listening"] * 10


def test_frames_that_come_too_fast_or_too_slowly_are_told_within_ten_seconds() -> None:
    assert states([NOISE] * 10, frames_a_second=3 * RATE_HZ)[-1] == "wrong rate"
    assert states([NOISE] * 10, frames_a_second=RATE_HZ // 2)[-1] == "wrong rate"


def test_a_pause_in_reading_is_not_taken_for_another_rate() -> None:
    health, states = SourceHealth(RATE_HZ), set()
    pieces = np.split(np.tile(NOISE, 12), 120)  # a tenth of a second each
    for number, waveform in enumerate(pieces):
        late_s = 4.0 if 30 <= number < 40 else 0.0  # what came while nobody read, all at once
        states.add(health.judge(Block(0, waveform, 0.0), max(number / 10, late_s)).state)
    assert states == {"listening"}


def test_a_pipe_read_late_is_not_taken_for_another_rate() -> None:
    blocks = [NOISE] * 4 + [np.tile(NOISE, 4)] + [NOISE] * 9
    health = SourceHealth(RATE_HZ)
    told = {health.judge(Block(0, waveform, 0.0), float(now)).state for now, waveform in enumerate(blocks)}
    assert told == {"listening"}
