"""A resampled stream is the same however it was cut, and as long as it should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecl.audio.resampling import Resampler

NOISE = np.random.RandomState(0).uniform(-1, 1, 8000).astype(np.float32)


def resampled(chunks: list[np.ndarray], from_hz: int) -> np.ndarray:
    stream = Resampler(from_hz, 16_000)
    return np.concatenate([*(stream.feed(chunk) for chunk in chunks), stream.finish()])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 8000), max_size=10))
def test_the_same_samples_come_out_however_they_went_in(rate_hz: int, cuts: list[int]) -> None:
    whole, cut = resampled([NOISE], rate_hz), resampled(np.split(NOISE, sorted(cuts)), rate_hz)
    np.testing.assert_array_equal(whole, cut)
    assert whole.size == pytest.approx(NOISE.size * 16_000 / rate_hz, abs=1)


def test_at_the_same_rate_nothing_is_touched() -> None:
    np.testing.assert_array_equal(resampled([NOISE], 16_000), NOISE)
