"""Windows cover every sample of a loud clip and depend on the samples alone."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecl.windows import PADDING_DBFS, WindowStream, pad_window, split_into_windows, subtract_dc

WINDOW = 400


def make_ramp(samples: int) -> np.ndarray:
    """Make a loud waveform whose samples encode their position: +1, −2, +3 … over its length."""
    signs = np.where(np.arange(samples) % 2, -1, 1)
    return ((1 + np.arange(samples)) * signs / max(1, samples)).astype(np.float32)


def make_noise(samples: int) -> np.ndarray:
    """Make white noise of constant level."""
    return np.random.RandomState(3).uniform(-1, 1, samples).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5 * WINDOW), st.integers(0, 5 * WINDOW))
def test_every_sample_of_a_loud_clip_is_in_a_window(samples: int, place: int) -> None:
    waveform = 0.25 * make_noise(samples)
    waveform[place % samples] = 0.8
    windows = split_into_windows(waveform, WINDOW)
    assert windows.shape == (max(1, -(-samples // WINDOW)), WINDOW)
    assert windows.dtype == np.float32
    assert samples == 1 or np.ptp(windows, axis=1).max() > 0.51


def stream_windows(chunks: list[np.ndarray], hop: int) -> list[tuple[int, np.ndarray]]:
    """Collect all windows of a stream that arrives in these chunks."""
    stream = WindowStream(WINDOW, hop)
    return [window for chunk in chunks for window in stream.feed(chunk)] + list(stream.finish())


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5 * WINDOW), st.integers(1, WINDOW))
def test_a_stream_loses_no_sample_and_reports_the_start_of_every_window(samples: int, hop: int) -> None:
    waveform = make_ramp(samples)
    pieces = stream_windows([waveform], hop)
    starts = [start for start, _ in pieces]
    assert starts[:-1] == [hop * index for index in range(len(starts) - 1)]
    if samples >= WINDOW:
        assert starts[-1] == samples - WINDOW
        for start, window in pieces:
            np.testing.assert_array_equal(window, subtract_dc(waveform[start : start + WINDOW]))
    else:
        np.testing.assert_array_equal(pieces[0][1], pad_window(waveform, WINDOW))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5 * WINDOW), st.integers(1, WINDOW), st.lists(st.integers(0, 5 * WINDOW), max_size=20))
def test_a_stream_gives_the_same_windows_however_it_is_cut(samples: int, hop: int, cuts: list[int]) -> None:
    waveform = make_ramp(samples)
    whole, cut = stream_windows([waveform], hop), stream_windows(np.split(waveform, sorted(cuts)), hop)
    assert [start for start, _ in whole] == [start for start, _ in cut]
    for (_, one), (_, other) in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_empty_stream_has_no_window_and_can_be_restarted() -> None:
    stream = WindowStream(WINDOW, WINDOW // 4)
    assert list(stream.finish()) == []
    for _ in range(2):
        assert [start for start, _ in stream.feed(make_ramp(WINDOW + 30))] == [0]
        assert [start for start, _ in stream.finish()] == [30]


def test_a_clip_of_exactly_one_window_is_changed_by_its_dc_component_only() -> None:
    waveform = subtract_dc(make_ramp(WINDOW))
    waveform[0] -= waveform.sum(dtype=np.float64)
    np.testing.assert_allclose(split_into_windows(waveform + 0.25, WINDOW), waveform[None], atol=1e-6)
    ((start, window),) = stream_windows([waveform], WINDOW)
    assert start == 0
    np.testing.assert_allclose(window, waveform, atol=1e-6)


def test_a_short_clip_lies_in_the_middle_of_faint_noise() -> None:
    (window,) = split_into_windows(make_ramp(100), WINDOW)
    np.testing.assert_array_equal(window[150:250], subtract_dc(make_ramp(100)))
    around = np.concatenate([window[:150], window[250:]])
    assert 20 * np.log10(around.std()) == pytest.approx(PADDING_DBFS, abs=1.0)
    assert np.unique(around).size == around.size


def test_the_padding_is_white_noise_of_the_stated_level() -> None:
    noise = pad_window(np.zeros(0, np.float32), 32_000)
    assert 20 * np.log10(noise.std()) == pytest.approx(PADDING_DBFS, abs=0.1)
    power = np.abs(np.fft.rfft(noise)[1:]) ** 2
    bands = power.reshape(10, -1).mean(axis=1)
    assert bands.max() / bands.min() < 1.3


def test_the_padding_is_the_same_on_every_machine_and_in_every_version() -> None:
    digest = hashlib.sha256(pad_window(np.zeros(0, np.float32), 1000).tobytes()).hexdigest()
    assert digest.startswith("c008171c7a777b15")


def test_the_same_waveform_gives_the_same_windows_and_is_not_changed() -> None:
    for samples in (100, WINDOW, 1000):
        waveform = make_ramp(samples)
        first = split_into_windows(waveform, WINDOW)
        first_bytes = first.tobytes()
        first += 1
        np.testing.assert_array_equal(waveform, make_ramp(samples))
        assert split_into_windows(waveform, WINDOW).tobytes() == first_bytes


def test_pauses_are_left_out_but_never_all() -> None:
    window = 32_000
    sound, pause = make_noise(window), 0.001 * make_noise(window)
    windows = split_into_windows(np.concatenate([pause, sound, pause]), window)
    np.testing.assert_array_equal(windows, subtract_dc(sound)[None])
    assert len(split_into_windows(np.tile(pause, 3), window)) == 3
    assert len(split_into_windows(np.zeros(3 * window, np.float32), window)) == 3


def test_a_hop_that_would_skip_samples_is_a_value_error() -> None:
    for hop in (0, -1, WINDOW + 1):
        with pytest.raises(ValueError, match="hop"):
            WindowStream(WINDOW, hop)


@pytest.mark.parametrize("offset", [-0.3, 0.05, 0.1])
@pytest.mark.parametrize("samples", [50, WINDOW, 3 * WINDOW])
def test_an_offset_changes_no_window_of_a_clip_or_a_stream(samples: int, offset: float) -> None:
    waveform = 0.01 * make_noise(samples)
    shifted = waveform + np.float32(offset)
    expected = split_into_windows(waveform, WINDOW)
    np.testing.assert_allclose(split_into_windows(shifted, WINDOW), expected, atol=1e-6)
    live, live_shifted = (stream_windows([one], WINDOW // 4) for one in (waveform, shifted))
    for (_, one), (_, other) in zip(live, live_shifted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_dc_component_does_not_depend_on_the_order_of_the_sum() -> None:
    waveform = np.repeat(np.array([1e-7, 1, -1], np.float32), 10_000)
    shuffled = np.random.RandomState(0).permutation(waveform)
    assert np.sort(subtract_dc(waveform)).tobytes() == np.sort(subtract_dc(shuffled)).tobytes()
