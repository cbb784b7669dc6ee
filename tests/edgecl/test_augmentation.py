"""Augmented copies of a recording."""

import numpy as np
import pytest

from edgecl.arrays import Floats, Waveform
from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.channel import draw_equaliser, draw_telephone_band, filter_spectrum
from edgecl.augmentation.placement import place_at_random
from edgecl.augmentation.room import RT60_RANGE_S, draw_room_response, reverberate
from edgecl.windows import split_into_windows

RATE_HZ, WINDOW, COPIES = 8000, 4000, 8
AUGMENTER = Augmenter(WINDOW, RATE_HZ)


def make_beep(samples: int) -> Waveform:
    return (0.2 * np.sin(0.3 * np.arange(samples))).astype(np.float32)


def levels_db(pieces: Floats) -> Floats:
    """Return the RMS level of each row."""
    levels: Floats = 20 * np.log10(pieces.std(axis=-1))
    return levels


@pytest.mark.parametrize("samples", [40, 1000, WINDOW, 3 * WINDOW])
def test_every_window_of_a_clip_gets_the_requested_number_of_copies(samples: int) -> None:
    varied = AUGMENTER.augment(make_beep(samples), COPIES)
    assert varied.shape == (COPIES * len(split_into_windows(make_beep(samples), WINDOW)), WINDOW)
    assert varied.dtype == np.float32
    assert np.abs(varied).max() <= 1


def test_silence_is_augmented_without_a_fault() -> None:
    with np.errstate(all="raise"):
        assert np.isfinite(AUGMENTER.augment(np.zeros(1000, np.float32), COPIES)).all()


def test_fewer_copies_are_the_first_of_more() -> None:
    sound = make_beep(3 * WINDOW)
    assert np.array_equal(AUGMENTER.augment(sound, 2), AUGMENTER.augment(sound, COPIES)[: 2 * 3])


def test_the_same_clip_gives_the_same_copies_and_no_two_are_equal() -> None:
    first, second = AUGMENTER.augment(make_beep(1000), COPIES), AUGMENTER.augment(make_beep(1000), COPIES)
    assert first.tobytes() == second.tobytes()
    assert len({window.tobytes() for window in first}) == len(first)


def test_different_clips_get_different_noise_and_rooms() -> None:
    one, other = AUGMENTER.augment(make_beep(1000), COPIES), AUGMENTER.augment(make_beep(1001), COPIES)
    quiet = slice(-500, None)  # of a window whose sound is at the start, where only the noise is left
    alike = [np.corrcoef(a[quiet], b[quiet])[0, 1] for a, b in zip(one, other, strict=True)]
    assert np.median(np.abs(alike)) < 0.5


def test_noise_runs_through_the_whole_window_of_most_copies() -> None:
    copies = AUGMENTER.augment(make_beep(1000), 40)
    quietest = levels_db(copies.reshape(40, 20, -1)).min(axis=1) - levels_db(copies)
    is_noisy = quietest > -40  # the padding of a copy without noise lies 50 dB below the sound
    assert 0.6 < is_noisy.mean() < 1


def test_copies_differ_in_level() -> None:
    levels = levels_db(AUGMENTER.augment(make_beep(WINDOW), 20))
    assert np.ptp(levels) > 6


def test_most_of_the_sound_is_in_its_window_wherever_it_is_placed() -> None:
    sound, rng = make_beep(1000), np.random.default_rng(0)
    placed = np.stack([place_at_random(sound, WINDOW, rng) for _ in range(20)])
    positions = [int(np.average(np.arange(WINDOW), weights=np.square(window))) for window in placed]
    assert np.ptp(positions) > WINDOW // 2
    assert (np.linalg.norm(placed, axis=1) > 0.8 * np.linalg.norm(sound)).all()


def test_a_room_adds_a_decaying_tail_no_longer_than_the_longest_reverberation() -> None:
    rng = np.random.default_rng(0)
    click = np.zeros(RATE_HZ, np.float32)
    click[100] = 1.0
    for _ in range(20):
        wet = reverberate(click, draw_room_response(rng, RATE_HZ))
        assert np.argmax(np.abs(wet)) == 100
        assert np.isclose(wet.std(), click.std(), rtol=0.02)
        early, late = np.square(wet[101:500]).sum(), np.square(wet[501:900]).sum()
        assert early > 0
        assert late < early
        assert np.abs(wet[100 + int(RT60_RANGE_S[1] * RATE_HZ) :]).max(initial=0.0) < 1e-6


def test_a_telephone_band_keeps_speech_and_removes_bass_and_treble() -> None:
    rng, time_s = np.random.default_rng(0), np.arange(16_000) / 16_000
    frequencies_hz = np.fft.rfftfreq(16_000, 1 / 16_000)
    for _ in range(10):
        gains = draw_telephone_band(rng, frequencies_hz)
        bass, speech, treble = (
            filter_spectrum(np.sin(2 * np.pi * hz * time_s), gains).std() for hz in (60.0, 1000.0, 7500.0)
        )
        assert speech > 0.69
        assert max(bass, treble) < 0.07


def test_an_equaliser_changes_timbre_by_some_decibels_and_smoothly() -> None:
    frequencies_hz = np.fft.rfftfreq(16_000, 1 / 16_000)
    rng = np.random.default_rng(0)
    gains_db = np.stack([20 * np.log10(draw_equaliser(rng, frequencies_hz)) for _ in range(200)])
    assert 2 < gains_db.std() < 5
    octave = np.abs(gains_db[:, 2000] - gains_db[:, 1900])
    assert octave.max() < 2


def test_reverberation_is_a_convolution_at_the_level_of_the_sound() -> None:
    sound, response = make_beep(WINDOW), draw_room_response(np.random.default_rng(0), RATE_HZ)
    expected = np.convolve(sound, response)[:WINDOW]
    wet = reverberate(sound, response)
    assert np.allclose(wet / wet.std(), expected / expected.std(), atol=1e-3)
    assert np.isclose(levels_db(wet), levels_db(sound), atol=0.1)
