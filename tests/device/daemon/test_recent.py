"""The newest sound of a source is remembered, whatever its chunks and wherever sound is missing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from device_runtime.daemon.pipeline.ring_buffer import FULL_SCALE, AudioRingBuffer

RATE_HZ = 100


def ramp(first: int, size: int) -> np.ndarray:
    """Samples that tell which they are [size]."""
    return (np.arange(first, first + size) / FULL_SCALE).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_the_newest_samples_are_remembered_whatever_the_chunks(sizes: list[int]) -> None:
    stream, recent = np.arange(sum(sizes)), AudioRingBuffer(RATE_HZ, seconds=4)
    for chunk in np.split(ramp(0, stream.size), np.cumsum(sizes)[:-1]):
        recent.feed(chunk)
    np.testing.assert_array_equal(recent.cut(0.0, 1e6), stream[-400:])
    np.testing.assert_array_equal(recent.last(2), stream[-200:])
    middle = max(0, stream.size - 200)
    np.testing.assert_array_equal(recent.cut(middle / RATE_HZ, 1e6), stream[middle:])


def test_a_time_is_found_in_the_stream_it_belongs_to() -> None:
    recent = AudioRingBuffer(RATE_HZ, seconds=10)
    recent.feed(ramp(0, 300))  # 0…3 s
    recent.begin(7.5)
    recent.feed(ramp(750, 200))  # 7.5…9.5 s
    np.testing.assert_array_equal(recent.cut(1.0, 2.0), np.arange(100, 200))
    np.testing.assert_array_equal(recent.cut(2.5, 4.0), np.arange(250, 300))
    np.testing.assert_array_equal(recent.cut(8.0, 8.5, around_s=1), np.arange(750, 950))
    np.testing.assert_array_equal(recent.last(60), np.arange(750, 950))
    assert recent.holds(2.0, 3.0)
    assert recent.holds(8.0, 9.0)
    assert not recent.holds(5.0, 6.0)
    assert not recent.holds(12.0, 13.0)


def test_a_sound_just_before_a_short_gap_is_not_taken_for_what_came_after_it() -> None:
    recent = AudioRingBuffer(RATE_HZ, seconds=10)
    recent.feed(ramp(0, 300))  # 0…3 s
    recent.begin(3.6)
    recent.feed(ramp(360, 200))
    np.testing.assert_array_equal(recent.cut(2.0, 3.0, around_s=1), np.arange(100, 300))
    np.testing.assert_array_equal(recent.cut(2.0, 3.7), np.arange(200, 300))  # its last window was filled up
    assert recent.holds(2.0, 3.0)


def test_a_sound_at_the_very_start_of_a_stream_is_held_though_its_time_is_rounded() -> None:
    recent = AudioRingBuffer(16_000, seconds=10)
    recent.begin(7.0004)
    recent.feed(np.full(32_000, 0.5, np.float32))
    assert recent.holds(7.0, 8.0)
    assert recent.cut(7.0, 8.0, around_s=2).size == 32_000
    assert not recent.holds(6.9, 8.0)


def test_what_made_room_for_newer_sound_is_no_longer_held() -> None:
    recent = AudioRingBuffer(RATE_HZ, seconds=2)
    recent.feed(ramp(0, 500))
    assert not recent.holds(1.0, 2.0)
    assert recent.holds(3.5, 4.5)
    recent.begin(100.0)
    recent.feed(ramp(0, 250))
    assert not recent.holds(3.5, 4.5)


def test_full_scale_stays_full_scale() -> None:
    recent = AudioRingBuffer(RATE_HZ, seconds=1)
    recent.feed(np.array([-1, 1, 2, -2], np.float32))
    assert recent.last(1).tolist() == [-32_768, 32_767, 32_767, -32_768]
