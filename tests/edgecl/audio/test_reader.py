"""Audio intake: a folder of hostile files, each met with its own sentence; the good ones decode alike."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgecl.audio.reader import Clip, Limits, RejectedFile, read_clip, read_or_reject
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
def hostile(tmp_path_factory: pytest.TempPathFactory) -> ExpectedErrors:
    return write_hostile_folder(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_one(samples: np.ndarray, name: str = "x.wav", **options: object) -> Path:
        soundfile.write(tmp_path / name, samples, options.pop("rate_hz", RATE_HZ), **options)
        return tmp_path / name

    return write_one


def test_each_broken_file_is_met_with_its_own_sentence_and_a_hint(hostile: ExpectedErrors) -> None:
    for path, sentence in hostile.items():
        if sentence is not None:
            refused = read_or_reject(path)
            assert isinstance(refused, RejectedFile), path
            assert sentence in refused.reason
            assert refused.reason.startswith(repr(str(path)))
            assert refused.hint
            assert "\n" not in refused.reason + refused.hint


def test_each_odd_but_good_file_decodes_to_the_second_it_holds(hostile: ExpectedErrors) -> None:
    for path, sentence in hostile.items():
        if sentence is None:
            clip = read_clip(path)
            assert clip.waveform.dtype == np.float32, path
            assert clip.waveform.ndim == 1
            assert clip.duration_s == pytest.approx(1.0, abs=0.01)
            assert np.abs(clip.waveform).max() <= 1.0
            assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_lossless_files_of_the_same_sound_give_the_same_waveform(hostile: ExpectedErrors) -> None:
    folder = next(iter(hostile)).parent
    expected = read_clip(folder / "plain.wav").waveform
    for name in ("24-bit.wav", "float.wav", "8-channels.wav", "plain.flac", "plain.aiff", "link-to-good.wav"):
        np.testing.assert_allclose(read_clip(folder / name).waveform, expected, atol=5e-5)


def test_a_recording_of_an_hour_is_given_up_early(hostile: ExpectedErrors) -> None:
    started = time.process_time()
    for path in hostile:
        if path.name.startswith("one-hour"):
            assert isinstance(read_or_reject(path), RejectedFile)
    assert time.process_time() - started < 3.0


def test_the_cap_is_exact(write: Write) -> None:
    limits = Limits(max_s=0.5)
    assert read_clip(write(make_tone(0.5)), limits).duration_s == 0.5
    with pytest.raises(AudioError, match=r"longer than 0\.5 s"):
        read_clip(write(make_tone(0.5001)), limits)


def test_a_file_larger_than_allowed_is_refused_before_it_is_hashed(write: Write) -> None:
    with pytest.raises(AudioError, match="larger than 0 MiB"):
        read_clip(write(make_tone()), Limits(max_file_bytes=10_000))


def test_channels_are_averaged(write: Write) -> None:
    stereo = np.column_stack([make_tone()[:, 0], np.zeros(RATE_HZ)])
    clip = read_clip(write(stereo))
    np.testing.assert_allclose(clip.waveform, make_tone()[:, 0] / 2, atol=1e-4)
    assert clip.channels == 2


def test_a_clip_beyond_full_scale_is_scaled_and_not_clipped(write: Write) -> None:
    clip = read_clip(write(3 * make_tone(), subtype="FLOAT"))
    np.testing.assert_allclose(clip.waveform, make_tone()[:, 0] / np.abs(make_tone()).max(), atol=1e-6)


def test_resampling_keeps_pitch_level_and_length(write: Write) -> None:
    clip = read_clip(write(make_tone(rate_hz=44_100), rate_hz=44_100))
    spectrum = np.abs(np.fft.rfft(clip.waveform))
    assert spectrum.argmax() == 440
    assert spectrum.max() / (clip.waveform.size / 2) == pytest.approx(0.4, rel=0.02)
    assert clip.waveform.size == RATE_HZ
    assert clip.source_rate_hz == 44_100


def test_one_short_sound_in_a_long_pause_is_not_silent(write: Write) -> None:
    samples = np.zeros(60 * RATE_HZ)
    samples[30 * RATE_HZ :][:800] = 0.01 * make_tone(0.05)[:, 0]
    assert isinstance(read_or_reject(write(samples)), Clip)


def test_a_file_that_grows_while_it_is_read_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(make_tone())
    hash_as_before = hashlib.sha256

    def hash_while_it_grows() -> object:
        path.write_bytes(path.read_bytes() + b"more")
        return hash_as_before()

    monkeypatch.setattr("edgecl.audio.reader.hashlib.sha256", hash_while_it_grows)
    with pytest.raises(AudioError, match="changed while it was being read"):
        read_clip(path)


def test_the_error_for_a_phone_recording_says_how_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "note.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    refused = read_or_reject(path)
    assert isinstance(refused, RejectedFile)
    assert refused.hint == f"convert it: ffmpeg -i {path} {path.with_suffix('.wav')}"


def test_a_cut_mp3_is_refused_before_the_decoder_can_complain(
    hostile: ExpectedErrors, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in hostile:
        if path.name.startswith("truncated") and path.suffix == ".mp3":
            assert isinstance(read_or_reject(path), RejectedFile)
    assert capfd.readouterr().err == ""


def test_sentences_do_not_repeat_for_different_defects() -> None:
    assert len(GOOD) > 20
    assert (
        len({sentence for _, sentence in BAD.values()}) >= len(BAD) - 6
    )  # hour ×2, M4A ×2, silent ×2, cut ×4


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(SEEDS)),
    patches=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), max_size=6),
    near_header=st.booleans(),
    kept=st.sampled_from([1.0, 0.9, 0.5, 0.01]),
)
def test_mutated_bytes_either_decode_to_a_sane_waveform_or_are_refused(
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
