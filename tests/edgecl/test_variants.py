"""Variants of one recording: the same sound as it would come again."""

import numpy as np
import pytest

from edgecl.variants import COPIES, variants
from edgecl.windows import Windows, clip_windows

WINDOW = 4000


def beep(samples: int) -> Windows:
    return (0.2 * np.sin(0.3 * np.arange(samples))).astype(np.float32)


@pytest.mark.parametrize("samples", [40, 1000, WINDOW, 3 * WINDOW])
def test_the_windows_of_the_clip_come_first_and_copies_of_each_follow(samples: int) -> None:
    plain, varied = clip_windows(beep(samples), WINDOW), variants(beep(samples), WINDOW)
    assert varied.shape == ((1 + COPIES) * len(plain), WINDOW)
    assert varied.dtype == np.float32
    assert np.array_equal(varied[: len(plain)], plain)
    assert np.abs(varied).max() <= 1


def test_the_same_clip_gives_the_same_variants_and_no_two_are_alike() -> None:
    first, second = variants(beep(1000), WINDOW), variants(beep(1000), WINDOW)
    assert first.tobytes() == second.tobytes()
    assert len({window.tobytes() for window in first}) == len(first)


def test_the_sound_comes_at_other_moments_louder_and_softer() -> None:
    copies = variants(beep(1000), WINDOW)[1:]
    moments = [int(np.average(np.arange(WINDOW), weights=np.square(copy))) for copy in copies]
    levels_db = 20 * np.log10(copies.std(axis=1))
    assert max(moments) - min(moments) > WINDOW // 4
    assert levels_db.max() - levels_db.min() > 6


def test_most_of_the_sound_is_in_every_copy() -> None:
    sound = beep(1000)
    for copy in variants(sound, WINDOW)[1:]:
        placed = np.correlate(copy, sound, "full")
        assert np.abs(placed).max() > 0.6 * np.linalg.norm(copy) * np.linalg.norm(sound)
