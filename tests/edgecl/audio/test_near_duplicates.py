"""Sketches identify copies of a recording, but not other takes of the same sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio.near_duplicates import Sketch, compute_sketch, find_copies
from edgecl.audio.reader import read_clip
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


def sketch_of_file(path: Path, waveform: np.ndarray) -> Sketch:
    """Write a waveform to a file and return the sketch of the decoded file."""
    soundfile.write(path, waveform, RATE_HZ)
    return compute_sketch(read_clip(path).waveform)


@pytest.mark.parametrize("label", ["doorbell", "kettle_whistle", "knock"])
def test_a_copy_is_found_whatever_its_format_and_gain(label: str, tmp_path: Path) -> None:
    sound = make_clip(label, 0)
    original = sketch_of_file(tmp_path / "a.flac", sound)
    assert find_copies([original, sketch_of_file(tmp_path / "a.ogg", sound)]) == [(0, 1)]
    assert find_copies([original, sketch_of_file(tmp_path / "quiet.wav", sound / 4)]) == [(0, 1)]
    assert find_copies([original, sketch_of_file(tmp_path / "quiet.ogg", sound / 2)]) == [(0, 1)]


def test_takes_of_one_sound_are_not_copies() -> None:
    takes = [
        compute_sketch(make_clip(label, number)) for label in ("doorbell", "knock") for number in range(8)
    ]
    assert find_copies(takes) == []


def test_every_copy_is_reported_once_with_its_original() -> None:
    one, other = compute_sketch(make_clip("knock", 0)), compute_sketch(make_clip("knock", 1))
    assert find_copies([one, other, one, other, one]) == [(0, 2), (1, 3), (0, 4)]


def test_silent_recordings_are_not_copies() -> None:
    silence = compute_sketch(np.zeros(RATE_HZ, np.float32))
    assert find_copies([silence, silence]) == []
    assert find_copies([silence]) == []
    assert find_copies([]) == []
