"""Recordings that are too long to be in memory: excerpts of them, and streams."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio.excerpts import cut_excerpts, join_excerpts
from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import Limits, read_clip, stream_clip
from edgecl.errors import AudioError, TooLongError

RATE_HZ = 8000
SHORT = Limits(max_s=19.0, longest_s=30.0, excerpts_s=8.0)


@pytest.fixture
def rising(tmp_path: Path) -> Path:
    """Write twenty seconds of a tone that rises from 100 to 2100 Hz."""
    time_s = np.arange(20 * RATE_HZ) / RATE_HZ
    path = tmp_path / "rising.wav"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * (100 * time_s + 50 * time_s**2)), RATE_HZ)
    return path


def find_frequency(waveform: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(waveform * np.hanning(waveform.size))).argmax() * RATE_HZ / waveform.size)


@pytest.mark.parametrize("block_frames", [1, 7, 100, 1000])
def test_excerpts_are_spread_from_start_to_end_whatever_the_blocks(block_frames: int) -> None:
    recording = np.arange(1000, dtype=np.float32)
    blocks = np.split(recording, range(block_frames, 1000, block_frames))
    excerpts = list(cut_excerpts(blocks, 1000, 100, 4))
    assert [(one[0], one[-1], one.size) for one in excerpts] == [
        (0, 99, 100),
        (300, 399, 100),
        (600, 699, 100),
        (900, 999, 100),
    ]


def test_excerpts_that_touch_each_other_lose_no_sample() -> None:
    recording = np.arange(40, dtype=np.float32)
    assert np.concatenate(list(cut_excerpts([recording], 40, 10, 4))).tolist() == recording.tolist()


def test_joins_are_crossfades_and_no_clicks() -> None:
    ramp = np.linspace(0, 1, 60_000, dtype=np.float32)
    joined = np.concatenate(list(join_excerpts([ramp], ramp.size, 1000, total_s=12.0)))
    assert joined.size == 12_000 - 2 * 10
    assert (joined[0], joined[-1]) == (0, 1)
    assert np.abs(np.diff(joined)).max() < 0.1


def test_a_recording_beyond_the_limit_is_represented_by_excerpts(rising: Path) -> None:
    with pytest.raises(TooLongError):
        read_clip(rising, Limits(max_s=2.0))
    clip = read_clip(rising, SHORT, RATE_HZ)
    assert clip.is_excerpt
    assert clip.duration_s == 20.0
    assert clip.waveform.size == 8 * RATE_HZ - RATE_HZ // 100
    (note,) = describe_faults([(rising, clip.faults)])
    assert "excerpts that are spread evenly over it are used" in note
    assert find_frequency(clip.waveform[:RATE_HZ]) == pytest.approx(150, abs=60)
    assert find_frequency(clip.waveform[-RATE_HZ:]) == pytest.approx(2050, abs=60)


def test_a_recording_within_the_limit_is_used_as_a_whole(rising: Path) -> None:
    clip = read_clip(rising, Limits(max_s=20.0, longest_s=30.0), RATE_HZ)
    assert not clip.is_excerpt
    np.testing.assert_array_equal(clip.waveform, read_clip(rising, rate_hz=RATE_HZ).waveform)


def test_even_long_recordings_have_a_limit(rising: Path) -> None:
    limits = Limits(max_s=2.0, longest_s=19.0)
    with pytest.raises(TooLongError, match="longer than 19 s"):
        read_clip(rising, limits)
    with pytest.raises(TooLongError, match="longer than 19 s"), stream_clip(rising, limits):
        pass


def test_a_stream_gives_the_waveform_of_a_clip_in_blocks(rising: Path) -> None:
    with stream_clip(rising, rate_hz=16_000) as stream:
        blocks = list(stream.blocks)
    assert stream.duration_s == 20.0
    assert len(blocks) > 2
    np.testing.assert_allclose(np.concatenate(blocks), read_clip(rising).waveform, atol=1e-6)


def test_a_stream_is_scaled_and_mixed_like_a_clip(tmp_path: Path) -> None:
    tone = 3 * np.sin(np.arange(RATE_HZ) / 5)
    soundfile.write(tmp_path / "a.wav", np.column_stack([tone, -tone]), RATE_HZ, subtype="FLOAT")
    with stream_clip(tmp_path / "a.wav", rate_hz=RATE_HZ) as stream:
        waveform = np.concatenate(list(stream.blocks))
    clip = read_clip(tmp_path / "a.wav", rate_hz=RATE_HZ)
    np.testing.assert_allclose(waveform, clip.waveform, atol=2e-3)
    assert stream.faults == clip.faults == ("opposite phase",)


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.wav", "No such file"), ("text.wav", "is text, not sound")]
)
def test_what_cannot_be_streamed_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "text.wav").write_text("no sound, only words\n" * 9)
    with pytest.raises(AudioError, match=f"{name}.*{reason}"), stream_clip(tmp_path / name):
        pass
