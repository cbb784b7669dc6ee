"""A resample stream has the right length and does not depend on its blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecl.audio.resampling import Resampler

NOISE = np.random.RandomState(0).uniform(-1, 1, 8000).astype(np.float32)


def resample(chunks: list[np.ndarray], from_hz: int) -> np.ndarray:
    stream = Resampler(from_hz, 16_000)
    return np.concatenate([*(stream.feed(chunk) for chunk in chunks), stream.finish()])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 8000), max_size=10))
def test_the_output_does_not_depend_on_the_blocks(rate_hz: int, cuts: list[int]) -> None:
    whole, cut = resample([NOISE], rate_hz), resample(np.split(NOISE, sorted(cuts)), rate_hz)
    np.testing.assert_array_equal(whole, cut)
    assert whole.size == pytest.approx(NOISE.size * 16_000 / rate_hz, abs=1)


def test_at_the_same_rate_nothing_is_changed() -> None:
    np.testing.assert_array_equal(resample([NOISE], 16_000), NOISE)
