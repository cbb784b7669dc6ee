"""The ring buffer holds the newest sound, for any chunks and across gaps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from device_runtime.daemon.pipeline.ring_buffer import FULL_SCALE, AudioRingBuffer

RATE_HZ = 100


def ramp(first: int, size: int) -> np.ndarray:
    """Return samples whose values are their numbers [size]."""
    return (np.arange(first, first + size) / FULL_SCALE).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_the_newest_samples_are_buffered_for_any_chunks(sizes: list[int]) -> None:
    stream, buffer = np.arange(sum(sizes)), AudioRingBuffer(RATE_HZ, seconds=4)
    for chunk in np.split(ramp(0, stream.size), np.cumsum(sizes)[:-1]):
        buffer.append(chunk)
    np.testing.assert_array_equal(buffer.cut(0.0, 1e6), stream[-400:])
    np.testing.assert_array_equal(buffer.newest(2), stream[-200:])
    middle = max(0, stream.size - 200)
    np.testing.assert_array_equal(buffer.cut(middle / RATE_HZ, 1e6), stream[middle:])


def test_a_time_is_found_in_the_stream_it_belongs_to() -> None:
    buffer = AudioRingBuffer(RATE_HZ, seconds=10)
    buffer.append(ramp(0, 300))  # 0…3 s
    buffer.start_stream(7.5)
    buffer.append(ramp(750, 200))  # 7.5…9.5 s
    np.testing.assert_array_equal(buffer.cut(1.0, 2.0), np.arange(100, 200))
    np.testing.assert_array_equal(buffer.cut(2.5, 4.0), np.arange(250, 300))
    np.testing.assert_array_equal(buffer.cut(8.0, 8.5, padding_s=1), np.arange(750, 950))
    np.testing.assert_array_equal(buffer.newest(60), np.arange(750, 950))
    assert buffer.has(2.0, 3.0)
    assert buffer.has(8.0, 9.0)
    assert not buffer.has(5.0, 6.0)
    assert not buffer.has(12.0, 13.0)


def test_a_sound_before_a_short_gap_is_padded_from_its_own_stream_only() -> None:
    buffer = AudioRingBuffer(RATE_HZ, seconds=10)
    buffer.append(ramp(0, 300))  # 0…3 s
    buffer.start_stream(3.6)
    buffer.append(ramp(360, 200))
    np.testing.assert_array_equal(buffer.cut(2.0, 3.0, padding_s=1), np.arange(100, 300))
    np.testing.assert_array_equal(buffer.cut(2.0, 3.7), np.arange(200, 300))  # its last window was padded
    assert buffer.has(2.0, 3.0)


def test_a_sound_at_the_start_of_a_stream_is_found_although_its_time_is_rounded() -> None:
    buffer = AudioRingBuffer(16_000, seconds=10)
    buffer.start_stream(7.0004)
    buffer.append(np.full(32_000, 0.5, np.float32))
    assert buffer.has(7.0, 8.0)
    assert buffer.cut(7.0, 8.0, padding_s=2).size == 32_000
    assert not buffer.has(6.9, 8.0)


def test_sound_that_was_overwritten_is_no_longer_there() -> None:
    buffer = AudioRingBuffer(RATE_HZ, seconds=2)
    buffer.append(ramp(0, 500))
    assert not buffer.has(1.0, 2.0)
    assert buffer.has(3.5, 4.5)
    buffer.start_stream(100.0)
    buffer.append(ramp(0, 250))
    assert not buffer.has(3.5, 4.5)


def test_full_scale_stays_full_scale() -> None:
    buffer = AudioRingBuffer(RATE_HZ, seconds=1)
    buffer.append(np.array([-1, 1, 2, -2], np.float32))
    assert buffer.newest(1).tolist() == [-32_768, 32_767, 32_767, -32_768]
