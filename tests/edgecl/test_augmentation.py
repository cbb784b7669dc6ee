"""Variants of one recording: the same sound as it would come again."""

import numpy as np
import pytest

from edgecl.arrays import Windows
from edgecl.augmentation import augment
from edgecl.windows import split_into_windows

WINDOW, COPIES = 4000, 8


def beep(samples: int) -> Windows:
    return (0.2 * np.sin(0.3 * np.arange(samples))).astype(np.float32)


@pytest.mark.parametrize("samples", [40, 1000, WINDOW, 3 * WINDOW])
def test_every_window_of_the_clip_is_varied_as_often_as_asked(samples: int) -> None:
    varied = augment(beep(samples), WINDOW, COPIES)
    assert varied.shape == (COPIES * len(split_into_windows(beep(samples), WINDOW)), WINDOW)
    assert varied.dtype == np.float32
    assert np.abs(varied).max() <= 1


def test_few_variants_are_the_first_of_many() -> None:
    sound = beep(3 * WINDOW)
    assert np.array_equal(augment(sound, WINDOW, 2), augment(sound, WINDOW, COPIES)[: 2 * 3])


def test_the_same_clip_gives_the_same_variants_and_no_two_are_alike() -> None:
    first, second = augment(beep(1000), WINDOW, COPIES), augment(beep(1000), WINDOW, COPIES)
    assert first.tobytes() == second.tobytes()
    assert len({window.tobytes() for window in first}) == len(first)


def test_the_sound_comes_at_other_moments_louder_and_softer() -> None:
    copies = augment(beep(1000), WINDOW, COPIES)
    moments = [int(np.average(np.arange(WINDOW), weights=np.square(copy))) for copy in copies]
    levels_db = 20 * np.log10(copies.std(axis=1))
    assert max(moments) - min(moments) > WINDOW // 4
    assert levels_db.max() - levels_db.min() > 6


def test_most_of_the_sound_is_in_every_copy() -> None:
    sound = beep(1000)
    for copy in augment(sound, WINDOW, COPIES):
        placed = np.correlate(copy, sound, "full")
        assert np.abs(placed).max() > 0.6 * np.linalg.norm(copy) * np.linalg.norm(sound)
