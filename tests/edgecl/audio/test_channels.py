"""Channels that cancel each other or are dead: the sound is kept, and the fault is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio import reader
from edgecl.audio.array_input import to_waveform
from edgecl.audio.channels import ChannelMixer
from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import read_clip

RATE_HZ = 16_000
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ
SOUND = 0.3 * np.exp(-2 * TIME_S) * np.sin(2 * np.pi * 700 * TIME_S)


def hiss(seed: int, level: float = 1e-3) -> np.ndarray:
    return np.random.RandomState(seed).normal(0, level, SOUND.size)


def record(*gains: float, offset: float = 0.0, hum: float = 0.0) -> np.ndarray:
    """Return the sound as channels [frames, channels] with these gains, each with a hiss of its own."""
    common = offset + hum * np.sin(2 * np.pi * 50 * TIME_S)
    return np.stack([gain * SOUND + hiss(seed) + common for seed, gain in enumerate(gains)], 1)


def correlation(waveform: np.ndarray) -> float:
    return abs(float(np.corrcoef(waveform[: SOUND.size], SOUND[: waveform.size])[0, 1]))


FAULTY = {
    "upside down": ((1, -1), "opposite phase"),
    "upside down and softer": ((0.5, -1), "opposite phase"),
    "one of three upside down": ((1, 1, -1), "opposite phase"),
    "one of four upside down": ((1, 1, 1, -1), "opposite phase"),
    "right dead": ((1, 0), "one channel dead"),
    "left dead": ((0, 1), "one channel dead"),
    "three of four dead": ((0, 0, 1, 0), "one channel dead"),
}


@pytest.mark.parametrize("kind", FAULTY)
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("wav", {"subtype": "PCM_16"}),
        ("wav", {"subtype": "FLOAT"}),
        ("flac", {"subtype": "PCM_24"}),
        ("ogg", {"format": "OGG", "subtype": "VORBIS"}),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else value["subtype"],
)
def test_a_file_keeps_its_sound_and_names_the_fault(
    tmp_path: Path, kind: str, suffix: str, options: dict[str, str]
) -> None:
    gains, fault = FAULTY[kind]
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, record(*gains), RATE_HZ, **options)
    clip = read_clip(path)
    assert clip.faults == (fault,)
    assert correlation(clip.waveform) > 0.97
    assert np.abs(clip.waveform).max() > 0.25


@pytest.mark.parametrize("kind", FAULTY)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
def test_an_array_gives_what_a_file_gives(tmp_path: Path, kind: str, dtype: str) -> None:
    gains, fault = FAULTY[kind]
    scale = np.iinfo(dtype).max if dtype.startswith("int") else 1
    waveform, faults = to_waveform((record(*gains) * scale).astype(dtype), RATE_HZ, RATE_HZ)
    assert faults == (fault,)
    soundfile.write(tmp_path / "x.wav", record(*gains), RATE_HZ, subtype="FLOAT")
    np.testing.assert_allclose(waveform, read_clip(tmp_path / "x.wav").waveform, atol=1e-4)


@pytest.mark.parametrize("kind", FAULTY)
@pytest.mark.parametrize("rate_hz", [8000, 48_000])
def test_a_stream_keeps_the_sound_and_names_the_fault(kind: str, rate_hz: int) -> None:
    gains, fault = FAULTY[kind]
    mixer = ChannelMixer(len(gains), rate_hz)
    chunks = np.array_split(record(*gains).astype(np.float32), 37)
    mixed = np.concatenate([mixer.feed(chunk) for chunk in chunks])
    first = rate_hz // 10  # from which the choice is made
    assert mixer.fault == fault
    assert abs(np.corrcoef(mixed[first:], SOUND[first:])[0, 1]) > 0.97


@pytest.mark.parametrize("offset", [0.0, 0.2])
@pytest.mark.parametrize("hum", [0.0, 0.1])
def test_offset_and_hum_that_both_channels_share_do_not_hide_the_fault(
    tmp_path: Path, offset: float, hum: float
) -> None:
    soundfile.write(tmp_path / "x.wav", record(1, -1, offset=offset, hum=hum), RATE_HZ)
    assert read_clip(tmp_path / "x.wav").faults == ("opposite phase",)


def test_channels_that_differ_as_two_microphones_do_are_averaged(tmp_path: Path) -> None:
    pairs = record(1, 1), record(1, 0.5), np.stack([hiss(1, 0.03), hiss(2, 0.03)], 1), record(1, 0.9, 0.8, 1)
    for number, channels in enumerate(one - one.mean(axis=0) for one in pairs):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, channels, RATE_HZ, subtype="FLOAT")
        clip = read_clip(path)
        assert clip.faults == ()
        np.testing.assert_allclose(clip.waveform, channels.mean(axis=1), atol=1e-6)


def test_a_much_softer_channel_is_left_out_without_a_word() -> None:
    channels = record(1, 0.2)
    channels -= channels.mean(axis=0)
    waveform, faults = to_waveform(channels, RATE_HZ, RATE_HZ)
    assert faults == ()
    np.testing.assert_allclose(waveform, channels[:, 0], atol=1e-6)


def test_a_stream_follows_a_plug_that_is_turned_round() -> None:
    mixer = ChannelMixer(2, RATE_HZ)
    for gains in ((1, 1), (1, -1), (1, 1)):
        for _ in range(30):
            mixed = mixer.feed(record(*gains).astype(np.float32))
        assert correlation(mixed) > 0.97
        assert mixer.fault == ("opposite phase" if gains[1] < 0 else None)


def test_a_sentence_counts_the_recordings_of_a_fault() -> None:
    one = describe_faults([(Path("a.wav"), ("opposite phase",)), (Path("b.wav"), ())])
    assert one[0].startswith("in 'a.wav' channels are in opposite phase")
    two = describe_faults([(Path(name), ("one channel dead",)) for name in ("a.wav", "b.wav")])
    assert two[0].startswith("in 2 recordings, such as 'a.wav', one channel is dead")


@pytest.mark.parametrize("offset", [-0.2, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("gains", [(1,), (1, 1), (1, -1)], ids=["mono", "stereo", "upside down"])
def test_an_offset_changes_nothing_not_even_at_the_ends(
    tmp_path: Path, offset: float, rate_hz: int, gains: tuple[float, ...]
) -> None:
    soft = 0.03 * record(*gains)
    shifted = soft + offset * np.arange(1, len(gains) + 1)  # another offset in each channel
    soundfile.write(tmp_path / "soft.flac", soft, rate_hz, subtype="PCM_24")
    soundfile.write(tmp_path / "shifted.flac", shifted, rate_hz, subtype="PCM_24")
    expected = read_clip(tmp_path / "soft.flac").waveform
    np.testing.assert_allclose(read_clip(tmp_path / "shifted.flac").waveform, expected, atol=1e-5)
    waveform, _ = to_waveform(shifted, rate_hz, RATE_HZ)
    np.testing.assert_allclose(waveform, expected, atol=1e-5)


def test_a_long_recording_is_decoded_twice_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "x.flac", record(1, -1, offset=0.1), RATE_HZ)
    expected = read_clip(tmp_path / "x.flac").waveform
    monkeypatch.setattr(reader, "KEPT_SAMPLES", 1000)
    np.testing.assert_array_equal(read_clip(tmp_path / "x.flac").waveform, expected)
