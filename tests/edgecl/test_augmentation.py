"""Augmented copies of a recording."""

import numpy as np
import pytest

from edgecl.arrays import Windows
from edgecl.augmentation import augment
from edgecl.windows import split_into_windows

WINDOW, COPIES = 4000, 8


def make_beep(samples: int) -> Windows:
    return (0.2 * np.sin(0.3 * np.arange(samples))).astype(np.float32)


@pytest.mark.parametrize("samples", [40, 1000, WINDOW, 3 * WINDOW])
def test_every_window_of_a_clip_gets_the_requested_number_of_copies(samples: int) -> None:
    varied = augment(make_beep(samples), WINDOW, COPIES)
    assert varied.shape == (COPIES * len(split_into_windows(make_beep(samples), WINDOW)), WINDOW)
    assert varied.dtype == np.float32
    assert np.abs(varied).max() <= 1


def test_fewer_copies_are_the_first_of_more() -> None:
    sound = make_beep(3 * WINDOW)
    assert np.array_equal(augment(sound, WINDOW, 2), augment(sound, WINDOW, COPIES)[: 2 * 3])


def test_the_same_clip_gives_the_same_copies_and_no_two_are_equal() -> None:
    first, second = augment(make_beep(1000), WINDOW, COPIES), augment(make_beep(1000), WINDOW, COPIES)
    assert first.tobytes() == second.tobytes()
    assert len({window.tobytes() for window in first}) == len(first)


def test_copies_differ_in_position_and_level() -> None:
    copies = augment(make_beep(1000), WINDOW, COPIES)
    positions = [int(np.average(np.arange(WINDOW), weights=np.square(copy))) for copy in copies]
    levels_db = 20 * np.log10(copies.std(axis=1))
    assert max(positions) - min(positions) > WINDOW // 4
    assert levels_db.max() - levels_db.min() > 6


def test_most_of_the_sound_is_in_every_copy() -> None:
    sound = make_beep(1000)
    for copy in augment(sound, WINDOW, COPIES):
        placed = np.correlate(copy, sound, "full")
        assert np.abs(placed).max() > 0.6 * np.linalg.norm(copy) * np.linalg.norm(sound)
