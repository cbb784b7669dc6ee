"""A folder of hostile recordings, each named for its defect, written with real bytes."""

import io
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 16_000
Samples = npt.NDArray[np.float64]
ExpectedErrors = dict[Path, str | None]


def make_tone(seconds: float = 1.0, rate_hz: int = RATE_HZ, channels: int = 1) -> Samples:
    """Make a 440 Hz tone in some noise, [samples, channels], always the same."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.RandomState(1).uniform(-0.05, 0.05, time_s.size)
    return np.tile((0.4 * np.sin(2 * np.pi * 440 * time_s) + noise)[:, None], (1, channels))


def encode(samples: Samples, container: str, subtype: str | None = None, rate_hz: int = RATE_HZ) -> bytes:
    """Encode samples as the bytes of an audio file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


def encode_wav(samples: Samples, subtype: str = "PCM_16", rate_hz: int = RATE_HZ) -> bytes:
    return encode(samples, "WAV", subtype, rate_hz)


def patch(data: bytes, offset: int, replacement: bytes) -> bytes:
    """Overwrite some bytes."""
    return data[:offset] + replacement + data[offset + len(replacement) :]


def make_flac_declaring(frames: int) -> bytes:
    """Make a FLAC file whose header declares a number of samples (36 bits, from the middle of byte 21)."""
    data = encode(make_tone(), "FLAC")
    high = data[21] & 0xF0 | frames >> 32
    return patch(data, 21, struct.pack(">BI", high, frames & 0xFFFFFFFF))


def encode_wav_with_sample(value: float) -> bytes:
    """Make a float WAV file with one sample of `value`."""
    samples = make_tone()
    samples[8000] = value
    return encode_wav(samples, "FLOAT")


def make_id3_tag(content_bytes: int) -> bytes:
    """Make an ID3v2 tag, as in front of an MP3 with a picture; its length has seven bits per byte."""
    length = bytes(content_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + bytes(content_bytes)


def make_hour() -> Samples:
    return np.tile(make_tone(60.0, 8000), (60, 1))


GOOD: dict[str, Callable[[], bytes]] = {
    "plain.wav": lambda: encode_wav(make_tone()),
    "UPPER CASE.WAV": lambda: encode_wav(make_tone()),
    "türglocke 雨 🔔.wav": lambda: encode_wav(make_tone()),
    "new\nline.wav": lambda: encode_wav(make_tone()),
    "8-bit.wav": lambda: encode_wav(make_tone(), "PCM_U8"),
    "24-bit.wav": lambda: encode_wav(make_tone(), "PCM_24"),
    "float.wav": lambda: encode_wav(make_tone(), "FLOAT"),
    "double.wav": lambda: encode_wav(make_tone(), "DOUBLE"),
    "float-as-loud-as-16-bit.wav": lambda: encode_wav(make_tone() * 32767, "FLOAT"),
    "mu-law.wav": lambda: encode_wav(make_tone(), "ULAW"),
    "8-channels.wav": lambda: encode_wav(make_tone(channels=8)),
    "192-khz.wav": lambda: encode_wav(make_tone(rate_hz=192_000), rate_hz=192_000),
    "4-khz.wav": lambda: encode_wav(make_tone(rate_hz=4000), rate_hz=4000),
    "plain.flac": lambda: encode(make_tone(), "FLAC"),
    "vorbis.ogg": lambda: encode(make_tone(), "OGG", "VORBIS"),
    "opus.opus": lambda: encode(make_tone(), "OGG", "OPUS"),
    "plain.mp3": lambda: encode(make_tone(), "MP3"),
    "plain.aiff": lambda: encode(make_tone(), "AIFF"),
    "plain.caf": lambda: encode(make_tone(), "CAF"),
    "tagged.mp3": lambda: make_id3_tag(5000) + encode(make_tone(), "MP3"),
    "tagged-at-its-end.mp3": lambda: encode(make_tone(), "MP3") + b"TAG".ljust(128, b"\0"),
    "mp3-called.wav": lambda: encode(make_tone(), "MP3"),
    "streamed-length-unknown.wav": lambda: patch(
        patch(encode_wav(make_tone()), 4, b"\xff" * 4), 40, b"\xff" * 4
    ),
    "lying-data-size.wav": lambda: patch(encode_wav(make_tone()), 40, struct.pack("<I", 2**31 - 1)),
    "streamed-length-unknown.flac": lambda: make_flac_declaring(0),
}
"""Name → bytes of unusual files that decode to about a second."""

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero-length.wav": (lambda: b"", "is empty (0 bytes)"),
    "random-bytes.wav": (lambda: b"\0" + np.random.RandomState(2).bytes(5000), "holds no sound in a known"),
    "text.wav": (lambda: "Bitte hier die Türglocke aufnehmen\n".encode() * 40, "is text, not sound"),
    "truncated.wav": (lambda: encode_wav(make_tone())[:9000], "is cut off: 23044 bytes"),
    "truncated.aiff": (lambda: encode(make_tone(), "AIFF")[:9000], "is cut off"),
    "truncated.flac": (lambda: encode(make_tone(), "FLAC")[:9000], "is damaged or cut off"),
    "truncated.mp3": (lambda: encode(make_tone(), "MP3")[:2500], "is cut off: 2468 bytes"),
    "truncated-behind-a-tag.mp3": (
        lambda: make_id3_tag(5000) + encode(make_tone(), "MP3")[:2500],
        "is cut off: 2468",
    ),
    "header-only.wav": (lambda: encode_wav(make_tone(0.0)), "holds a header but no sound"),
    "silent.wav": (lambda: encode_wav(0 * make_tone()), "is silent"),
    "nothing-but-dc.wav": (lambda: encode_wav(0 * make_tone() + 0.5), "is silent"),
    "nan.wav": (lambda: encode_wav_with_sample(np.nan), "holds a sample of value nan"),
    "infinite.wav": (lambda: encode_wav_with_sample(-np.inf), "holds a sample of value inf"),
    "absurdly-loud.wav": (lambda: encode_wav_with_sample(1e30), "holds a sample of value 1e+30"),
    "hundredth-of-a-second.wav": (lambda: encode_wav(make_tone(0.01)), "lasts only 0.010 s"),
    "one-hour.wav": (lambda: encode_wav(make_hour(), "PCM_U8", 8000), "is longer than 300 s"),
    "one-hour.flac": (lambda: encode(make_hour(), "FLAC", rate_hz=8000), "is longer than 300 s"),
    "one-hertz.wav": (
        lambda: patch(encode_wav(make_tone()), 24, struct.pack("<I", 1)),
        "has a sample rate of 1 Hz",
    ),
    "promises-2-to-the-36.flac": (
        lambda: make_flac_declaring(2**36 - 1),
        "is cut off: its header promises 687",
    ),
    "phone.m4a": (lambda: b"\0\0\0\x20ftypM4A " + bytes(3000), "is M4A or MP4 sound"),
    "m4a-called.wav": (lambda: b"\0\0\0\x20ftypM4A " + bytes(3000), "is M4A or MP4 sound"),
    "broken.wma": (lambda: bytes(3000), "is Windows Media sound"),
}
"""Name → (bytes, part of the message that rejects them)."""


def write_hostile_folder(folder: Path) -> ExpectedErrors:
    """Write all files into a folder.

    Returns:
        File → part of the expected error message, or None for a usable file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected: ExpectedErrors = {}
    for name, make in GOOD.items():
        (folder / name).write_bytes(make())
        expected[folder / name] = None
    for name, (make, sentence) in BAD.items():
        (folder / name).write_bytes(make())
        expected[folder / name] = sentence
    return expected | _write_oddities(folder)


def _write_oddities(folder: Path) -> ExpectedErrors:
    """Write links, folders, pipes, unreadable files, and files that macOS leaves behind."""
    (folder / "link-to-good.wav").symlink_to("plain.wav")
    (folder / "dangling-link.wav").symlink_to("gone.wav")
    (folder / "link-to-itself.wav").symlink_to("link-to-itself.wav")
    (folder / "folder-loop").symlink_to(".", target_is_directory=True)
    (folder / "folder-called.wav").mkdir()
    (folder / "._plain.wav").write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + bytes(80))
    os.mkfifo(folder / "pipe.wav")
    expected: ExpectedErrors = {
        folder / "link-to-good.wav": None,
        folder / "dangling-link.wav": "is a link that leads nowhere",
        folder / "link-to-itself.wav": "is a link that leads nowhere",
        folder / "folder-called.wav": "is a folder, not a recording",
        folder / "._plain.wav": "holds no sound in a known format",
        folder / "pipe.wav": "is not a regular file",
        folder / "missing.wav": "cannot be read: No such file",
    }
    if os.geteuid() != 0:  # root may read everything
        (folder / "forbidden.wav").write_bytes(encode_wav(make_tone()))
        (folder / "forbidden.wav").chmod(0)
        expected[folder / "forbidden.wav"] = "cannot be read: Permission denied"
    return expected


@contextmanager
def nested_folders(folder: Path) -> Iterator[None]:
    """Create 1,500 folders inside each other, which Python itself could not delete."""
    names = ["d"] * 1500
    subprocess.run(["mkdir", "-p", folder.joinpath(*names)], check=True)
    try:
        yield
    finally:
        subprocess.run(["rm", "-rf", folder / names[0]], check=True)
