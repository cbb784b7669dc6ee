"""Reading audio files: each broken file is rejected with its own message, unusual ones are decoded."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgecl.audio.reader import DEFAULT_LIMITS, Clip, Limits, RejectedFile, read_clip, read_or_reject
from edgecl.errors import AudioError
from tests.broken_files import (
    BAD,
    GOOD,
    RATE_HZ,
    ExpectedErrors,
    encode,
    encode_wav,
    make_tone,
    write_hostile_folder,
)

SEEDS = {
    "a.wav": encode_wav(make_tone(0.4)),
    "a.float.wav": encode_wav(make_tone(0.2), "FLOAT"),
    "a.flac": encode(make_tone(0.4), "FLAC"),
    "a.ogg": encode(make_tone(0.4), "OGG", "VORBIS"),
}
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> ExpectedErrors:
    return write_hostile_folder(tmp_path_factory.mktemp("hostile_folder"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_one(samples: np.ndarray, name: str = "x.wav", **options: object) -> Path:
        soundfile.write(tmp_path / name, samples, options.pop("rate_hz", RATE_HZ), **options)
        return tmp_path / name

    return write_one


def test_each_broken_file_is_rejected_with_its_own_message_and_a_hint(hostile_folder: ExpectedErrors) -> None:
    for path, message in hostile_folder.items():
        if message is not None:
            rejected = read_or_reject(path)
            assert isinstance(rejected, RejectedFile), path
            assert message in rejected.reason
            assert rejected.reason.startswith(repr(str(path)))
            assert rejected.hint
            assert "\n" not in rejected.reason + rejected.hint


def test_each_unusual_file_is_decoded_to_its_one_second(hostile_folder: ExpectedErrors) -> None:
    for path, message in hostile_folder.items():
        if message is None:
            clip = read_clip(path)
            assert clip.waveform.dtype == np.float32, path
            assert clip.waveform.ndim == 1
            assert clip.duration_s == pytest.approx(1.0, abs=0.01)
            assert np.abs(clip.waveform).max() <= 1.0
            assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_lossless_files_of_the_same_sound_give_the_same_waveform(hostile_folder: ExpectedErrors) -> None:
    folder = next(iter(hostile_folder)).parent
    expected = read_clip(folder / "plain.wav").waveform
    for name in ("24-bit.wav", "float.wav", "8-channels.wav", "plain.flac", "plain.aiff", "link-to-good.wav"):
        np.testing.assert_allclose(read_clip(folder / name).waveform, expected, atol=5e-5)


def test_a_recording_of_an_hour_is_rejected_early(hostile_folder: ExpectedErrors) -> None:
    started = time.process_time()
    for path in hostile_folder:
        if path.name.startswith("one-hour"):
            assert isinstance(read_or_reject(path), RejectedFile)
    assert time.process_time() - started < 3.0


def test_the_maximum_duration_is_exact(write: Write) -> None:
    limits = Limits(max_s=0.5)
    assert read_clip(write(make_tone(0.5)), limits).duration_s == 0.5
    with pytest.raises(AudioError, match=r"longer than 0\.5 s"):
        read_clip(write(make_tone(0.5001)), limits)


def test_a_file_larger_than_the_limit_is_rejected_before_it_is_hashed(write: Write) -> None:
    with pytest.raises(AudioError, match="larger than 0 MiB"):
        read_clip(write(make_tone()), Limits(max_file_bytes=10_000))


def test_a_giant_sparse_file_of_many_channels_is_rejected_before_it_is_decoded(tmp_path: Path) -> None:
    path, size_bytes = tmp_path / "sparse.wav", 3_900_000_000
    header = bytearray(encode_wav(np.zeros((0, 1024))))
    header[4:8], header[-4:] = ((size_bytes - less).to_bytes(4, "little") for less in (8, len(header)))
    path.write_bytes(header)
    os.truncate(path, size_bytes)
    started = time.process_time()
    with pytest.raises(AudioError, match="is larger than 512 MiB"):
        read_clip(path)
    with pytest.raises(AudioError, match="has 1024 channels, not 1 to 32"):
        read_clip(path, replace(DEFAULT_LIMITS, max_file_bytes=1 << 40))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("AU", "G721_32"), ("CAF", "ALAC_16")],
)
def test_a_codec_outside_the_list_is_rejected_with_a_command_that_converts_it(
    tmp_path: Path, container: str, codec: str
) -> None:
    path = tmp_path / f"a.{container.lower()}"
    path.write_bytes(encode(make_tone(), container, codec))
    with pytest.raises(AudioError, match=f"is compressed as {codec}, which is not decoded here") as error:
        read_clip(path)
    assert error.value.hint.startswith("convert it: ffmpeg -i ")


def test_channels_are_averaged(write: Write) -> None:
    stereo = np.column_stack([make_tone()[:, 0], make_tone()[:, 0] / 2])
    clip = read_clip(write(stereo))
    np.testing.assert_allclose(clip.waveform, 0.75 * make_tone()[:, 0], atol=1e-4)
    assert clip.channels == 2


def test_a_clip_beyond_full_scale_is_scaled_and_not_clipped(write: Write) -> None:
    clip = read_clip(write(3 * make_tone(), subtype="FLOAT"))
    expected = make_tone()[:, 0] - make_tone().mean()
    np.testing.assert_allclose(clip.waveform, expected / np.abs(expected).max(), atol=1e-6)


def test_resampling_keeps_pitch_level_and_length(write: Write) -> None:
    clip = read_clip(write(make_tone(rate_hz=44_100), rate_hz=44_100))
    spectrum = np.abs(np.fft.rfft(clip.waveform))
    assert spectrum.argmax() == 440
    assert spectrum.max() / (clip.waveform.size / 2) == pytest.approx(0.4, rel=0.02)
    assert clip.waveform.size == RATE_HZ
    assert clip.source_rate_hz == 44_100


def test_a_short_sound_in_a_long_pause_is_not_silent(write: Write) -> None:
    samples = np.zeros(60 * RATE_HZ)
    samples[30 * RATE_HZ :][:800] = 0.01 * make_tone(0.05)[:, 0]
    assert isinstance(read_or_reject(write(samples)), Clip)


def test_a_file_that_grows_while_it_is_read_is_rejected(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(make_tone())
    hash_as_before = hashlib.sha256

    def hash_while_it_grows() -> object:
        path.write_bytes(path.read_bytes() + b"more")
        return hash_as_before()

    monkeypatch.setattr("edgecl.audio.reader.hashlib.sha256", hash_while_it_grows)
    with pytest.raises(AudioError, match="changed while it was being read"):
        read_clip(path)


def test_without_ffmpeg_the_hint_for_a_phone_recording_is_a_command_that_converts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "note.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    rejected = read_or_reject(path)
    assert isinstance(rejected, RejectedFile)
    assert rejected.hint == f"convert it: ffmpeg -i {path} {path.with_suffix('.wav')}"


def test_a_truncated_mp3_is_rejected_before_the_decoder_prints_a_warning(
    hostile_folder: ExpectedErrors, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in hostile_folder:
        if path.name.startswith("truncated") and path.suffix == ".mp3":
            assert isinstance(read_or_reject(path), RejectedFile)
    assert capfd.readouterr().err == ""


def test_different_defects_have_different_messages() -> None:
    assert len(GOOD) > 20
    assert len({message for _, message in BAD.values()}) >= len(BAD) - 6  # hour ×2, M4A ×2, silent ×2, cut ×4


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(SEEDS)),
    patches=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), max_size=6),
    near_header=st.booleans(),
    kept=st.sampled_from([1.0, 0.9, 0.5, 0.01]),
)
def test_mutated_bytes_are_decoded_to_a_valid_waveform_or_rejected(
    tmp_path: Path, name: str, patches: list[tuple[int, bytes]], near_header: bool, kept: float
) -> None:
    data = bytearray(SEEDS[name])
    for offset, patch in patches:
        start = offset % (64 if near_header else len(data))
        data[start : start + len(patch)] = patch
    (tmp_path / name).write_bytes(data[: int(len(data) * kept)])
    outcome = read_or_reject(tmp_path / name)
    if isinstance(outcome, Clip):
        assert outcome.waveform.dtype == np.float32
        assert 0 < outcome.waveform.size <= 300 * RATE_HZ
        assert np.abs(outcome.waveform).max() <= 1.0
