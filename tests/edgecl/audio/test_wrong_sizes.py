"""Recordings whose headers give wrong sizes: every sample is read, and the fault is named."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import RejectedFile, read_clip, read_or_reject
from tests.broken_files import encode, encode_wav, make_tone, patch

TONE = make_tone()


def with_sizes(data: bytes, form: int, sound: int, order: str = "<") -> bytes:
    """Overwrite the sizes of the outermost chunk and of the samples of a WAV or AIFF file."""
    at = data.index(b"data" if order == "<" else b"SSND") + 4
    return patch(patch(data, 4, struct.pack(f"{order}I", form)), at, struct.pack(f"{order}I", sound))


def counting_its_header(extra: int) -> bytes:
    data = encode_wav(TONE)
    return with_sizes(data, len(data) - 8 + extra, len(data) - 44 + extra)


def unfinished(subtype: str, sizes: tuple[int, int] = (0, 0)) -> bytes:
    return with_sizes(encode_wav(TONE, subtype), *sizes)


def unfinished_caf(subtype: str, size: int) -> bytes:
    data = encode(TONE, "CAF", subtype)
    return patch(data, data.index(b"data") + 4, struct.pack(">q", size))


def unfinished_rf64() -> bytes:
    data = encode(TONE, "RF64")
    return patch(data, data.index(b"ds64") + 8, bytes(24))


def unfinished_stereo() -> bytes:
    return with_sizes(encode_wav(np.repeat(TONE, 2, axis=1), "PCM_24"), 0, 0)


def aiff_counting_its_header() -> bytes:
    data = encode(TONE, "AIFF")
    return with_sizes(data, len(data) - 8 + 54, len(data) - 46 + 54, ">")


WRONG: dict[str, Callable[[], bytes]] = {
    "both sizes count the header.wav": lambda: counting_its_header(44),
    "both sizes count the header without the first words.wav": lambda: counting_its_header(36),
    "counts its header.aiff": aiff_counting_its_header,
    "no sizes.wav": lambda: unfinished("PCM_16"),
    "sizes of the header.wav": lambda: unfinished("PCM_16", (36, 0)),
    "sizes of the header as sound.wav": lambda: unfinished("PCM_16", (44, 44)),
    "no size of the sound.wav": lambda: unfinished("PCM_16", (0xFFFFFFFF, 0)),
    "no sizes, 8 bit.wav": lambda: unfinished("PCM_U8"),
    "no sizes, 24 bit.wav": lambda: unfinished("PCM_24"),
    "no sizes, 32 bit.wav": lambda: unfinished("PCM_32"),
    "no sizes, float.wav": lambda: unfinished("FLOAT"),
    "no sizes, double.wav": lambda: unfinished("DOUBLE"),
    "no sizes, stereo.wav": unfinished_stereo,
    "no sizes.rf64": unfinished_rf64,
    "no size.au": lambda: patch(encode(TONE, "AU"), 8, bytes(4)),
    "no size, float.au": lambda: patch(encode(TONE, "AU", "FLOAT"), 8, bytes(4)),
    "no size.caf": lambda: unfinished_caf("PCM_16", 0),
    "to the end of the file.caf": lambda: unfinished_caf("PCM_24", -1),
    "to the end of the file, float.caf": lambda: unfinished_caf("FLOAT", -1),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_sample_is_read_though_the_header_gives_wrong_sizes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(WRONG[name]())
    clip = read_clip(tmp_path / name)
    tolerance = 1 / 100 if "8 bit" in name else 1 / 16384
    np.testing.assert_allclose(clip.waveform, TONE[:, 0] - TONE.mean(), atol=tolerance)
    assert clip.faults == ("wrong sizes",)
    (note,) = describe_faults([(clip.path, clip.faults)])
    assert name in note
    assert "all sound up to the end of the file is used" in note


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (counting_its_header(44)[:-10], "is cut off: 54 bytes"),  # more than the header is missing
        (encode_wav(TONE[:0]), "holds a header but no sound"),
        (encode_wav(TONE[:0]) + b"LIST\4\0\0\0INFO", "holds a header but no sound"),
        (unfinished("ULAW"), "holds a header but no sound"),
        (unfinished("PCM_16")[:44], "holds a header but no sound"),
    ],
)
def test_what_is_cut_off_or_empty_is_still_rejected(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    rejected = read_or_reject(tmp_path / "a.wav")
    assert isinstance(rejected, RejectedFile)
    assert reason in rejected.reason


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "RF64", "W64"])
def test_right_sizes_are_no_fault(tmp_path: Path, container: str) -> None:
    (tmp_path / "a").write_bytes(encode(TONE, container))
    assert read_clip(tmp_path / "a").faults == ()
