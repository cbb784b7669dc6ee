"""A copy of a recording is known by its sketch; another take of the same sound is not it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio.near_duplicates import Sketch, compute_sketch, find_copies
from edgecl.audio.reader import read_clip
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


def written(path: Path, waveform: np.ndarray) -> Sketch:
    """The sketch of what a file of this name holds."""
    soundfile.write(path, waveform, RATE_HZ)
    return compute_sketch(read_clip(path).waveform)


@pytest.mark.parametrize("label", ["doorbell", "kettle_whistle", "knock"])
def test_a_copy_is_known_whatever_its_format_and_gain(label: str, tmp_path: Path) -> None:
    sound = make_clip(label, 0)
    original = written(tmp_path / "a.flac", sound)
    assert find_copies([original, written(tmp_path / "a.ogg", sound)]) == [(0, 1)]
    assert find_copies([original, written(tmp_path / "quiet.wav", sound / 4)]) == [(0, 1)]
    assert find_copies([original, written(tmp_path / "quiet.ogg", sound / 2)]) == [(0, 1)]


def test_takes_of_one_sound_are_no_copies_of_each_other() -> None:
    takes = [
        compute_sketch(make_clip(label, number)) for label in ("doorbell", "knock") for number in range(8)
    ]
    assert find_copies(takes) == []


def test_every_copy_is_named_once_with_its_original() -> None:
    one, other = compute_sketch(make_clip("knock", 0)), compute_sketch(make_clip("knock", 1))
    assert find_copies([one, other, one, other, one]) == [(0, 2), (1, 3), (0, 4)]


def test_silence_and_nothing_are_copies_of_nothing() -> None:
    silence = compute_sketch(np.zeros(RATE_HZ, np.float32))
    assert find_copies([silence, silence]) == []
    assert find_copies([silence]) == []
    assert find_copies([]) == []
