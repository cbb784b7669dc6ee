"""Formats that only ffmpeg decodes, by a child process with limits."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecl.audio import ffmpeg
from edgecl.audio.reader import RejectedFile, read_clip, read_or_reject, stream_clip
from tests.broken_files import encode_wav, make_tone

Install = Callable[[str], None]
WAV = encode_wav(make_tone())
TONE = make_tone()[:, 0] - make_tone().mean()
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    """Write a file that begins like a voice memo."""
    path = tmp_path / "-my memo.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(3000))
    return path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a shell script as the only ffmpeg; the recording beside it is plain.wav."""
    (tmp_path / "plain.wav").write_bytes(WAV)

    def install_script(script: str) -> None:
        program = tmp_path / "bin" / "ffmpeg"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return install_script


def read_reason(path: Path) -> str:
    rejected = read_or_reject(path)
    assert isinstance(rejected, RejectedFile)
    assert rejected.hint == "export the recording again as WAV or FLAC"
    assert "\n" not in rejected.reason
    return rejected.reason


def test_what_ffmpeg_writes_is_the_waveform(memo: Path, install: Install) -> None:
    install(f"cat '{memo.parent}/plain.wav'")
    clip = read_clip(memo)
    np.testing.assert_allclose(clip.waveform, TONE, atol=1e-4)
    with stream_clip(memo) as stream:
        np.testing.assert_array_equal(np.concatenate(list(stream.blocks)), clip.waveform)


def test_ffmpeg_is_asked_for_this_file_and_may_open_no_other(memo: Path, install: Install) -> None:
    install(f"printf '%s\\n' \"$@\" > '{memo.parent}/arguments'; cat '{memo.parent}/plain.wav'")
    read_clip(memo)
    arguments = (memo.parent / "arguments").read_text().splitlines()
    assert arguments[arguments.index("-i") + 1] == f"file:{memo}"
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    formats = arguments[arguments.index("-format_whitelist") + 1].split(",")
    assert {"mov", "aac", "amr", "asf"} <= set(formats)
    assert not {"hls", "concat", "dash", "image2", "lavfi"} & set(formats)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo first >&2; printf 'moov atom\\033[31m not found\\n' >&2; exit 1", "moov atom[31m not found"),
        ("exit 3", "exit code 3"),
        ("kill -9 $$", "exit code -9"),
        ("exit 0", "it holds no sound"),
        ("cat /dev/zero", "it holds more than 1 MiB of sound"),
        ("sleep 600", "it takes longer than 0.5 s"),
        ("cat /dev/zero >&2", "exit code"),
    ],
)
def test_a_child_that_fails_or_exceeds_a_limit_is_named_with_the_reason(
    memo: Path, install: Install, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(ffmpeg, "MAX_OUTPUT_BYTES", 1 << 20)
    if "sleep" in script:
        monkeypatch.setattr(ffmpeg, "MAX_WALL_S", 0.5)
    install(f"exec {script}" if script.startswith(("cat", "sleep")) else script)
    started_s = time.monotonic()
    message = read_reason(memo)
    assert message.startswith(f"'{memo}' is M4A or MP4 sound, which ffmpeg cannot decode: ")
    assert reason in message
    assert time.monotonic() - started_s < 60


def test_a_child_gets_no_more_memory_than_the_limit(
    memo: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "MAX_MEMORY_BYTES", 64 << 20)
    install("sleep 0.5; head -c 200000000 /dev/zero | tail -c 200000000 | wc -c >&2; exit 1")
    assert "200000000" not in read_reason(memo)


def test_formats_that_are_decoded_here_do_not_start_ffmpeg(tmp_path: Path, install: Install) -> None:
    install(f"touch '{tmp_path}/started'")
    read_clip(tmp_path / "plain.wav")
    (tmp_path / "text.m4a").write_text("no sound, only words\n" * 9)
    rejected = read_or_reject(tmp_path / "text.m4a")
    assert isinstance(rejected, RejectedFile)
    assert "is text, not sound" in rejected.reason
    assert not (tmp_path / "started").exists()


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("memo.m4a", ["-c:a", "aac"]),
        ("memo.mp4", ["-c:a", "aac", "-ac", "2", "-ar", "44100"]),
        ("memo.3gp", ["-c:a", "aac"]),
        ("memo.aac", ["-c:a", "aac"]),
        ("memo.wma", ["-c:a", "wmav2"]),
        ("memo.mka", ["-c:a", "flac"]),
        ("memo.oga", ["-c:a", "flac", "-f", "ogg"]),
        ("memo.xyz", ["-c:a", "alac", "-f", "ipod"]),
        ("memo.wv", ["-c:a", "wavpack"]),
    ],
)
def test_real_recordings_are_decoded(tmp_path: Path, name: str, options: list[str]) -> None:
    (tmp_path / "plain.wav").write_bytes(WAV)
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "plain.wav", *options, tmp_path / name]
    subprocess.run(command, check=True)
    clip = read_clip(tmp_path / name)
    assert clip.duration_s == pytest.approx(1.0, abs=0.15)  # some codecs pad
    spectrum = np.abs(np.fft.rfft(clip.waveform))
    assert spectrum.argmax() / clip.duration_s == pytest.approx(440, abs=2)


@needs_ffmpeg
def test_a_playlist_called_m4a_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(WAV)
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + playlist.encode())
    assert "which ffmpeg cannot decode" in read_reason(tmp_path / "list.m4a")
