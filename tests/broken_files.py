"""A folder of hostile recordings, each named for its defect, written with real bytes.

`write_hostile_folder(folder)` writes them all and tells what each must meet: a piece of its own sentence,
or None where the file looks odd and is nevertheless good.
"""

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 16_000
Samples = npt.NDArray[np.float64]
Verdicts = dict[Path, str | None]


def tone(seconds: float = 1.0, rate_hz: int = RATE_HZ, channels: int = 1) -> Samples:
    """A 440 Hz tone in some noise, [samples, channels], the same every time."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.RandomState(1).uniform(-0.05, 0.05, time_s.size)
    return np.tile((0.4 * np.sin(2 * np.pi * 440 * time_s) + noise)[:, None], (1, channels))


def encoded(samples: Samples, container: str, subtype: str | None = None, rate_hz: int = RATE_HZ) -> bytes:
    """The bytes of a whole file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


def wav(samples: Samples, subtype: str = "PCM_16", rate_hz: int = RATE_HZ) -> bytes:
    return encoded(samples, "WAV", subtype, rate_hz)


def patched(data: bytes, offset: int, patch: bytes) -> bytes:
    """`data` with some bytes overwritten."""
    return data[:offset] + patch + data[offset + len(patch) :]


def flac_promising(frames: int) -> bytes:
    """A FLAC file whose header claims another number of samples (36 bits, from the middle of byte 21)."""
    data = encoded(tone(), "FLAC")
    high = data[21] & 0xF0 | frames >> 32
    return patched(data, 21, struct.pack(">BI", high, frames & 0xFFFFFFFF))


def with_sample(value: float) -> bytes:
    """A float wav with one sample of `value`."""
    samples = tone()
    samples[8000] = value
    return wav(samples, "FLOAT")


def id3_tag(content_bytes: int) -> bytes:
    """An ID3v2 tag, as it stands in front of an MP3 with a picture; its length has seven bits a byte."""
    length = bytes(content_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + bytes(content_bytes)


def hour() -> Samples:
    return np.tile(tone(60.0, 8000), (60, 1))


GOOD: dict[str, Callable[[], bytes]] = {
    "plain.wav": lambda: wav(tone()),
    "UPPER CASE.WAV": lambda: wav(tone()),
    "türglocke 雨 🔔.wav": lambda: wav(tone()),
    "new\nline.wav": lambda: wav(tone()),
    "8-bit.wav": lambda: wav(tone(), "PCM_U8"),
    "24-bit.wav": lambda: wav(tone(), "PCM_24"),
    "float.wav": lambda: wav(tone(), "FLOAT"),
    "double.wav": lambda: wav(tone(), "DOUBLE"),
    "float-as-loud-as-16-bit.wav": lambda: wav(tone() * 32767, "FLOAT"),
    "mu-law.wav": lambda: wav(tone(), "ULAW"),
    "8-channels.wav": lambda: wav(tone(channels=8)),
    "192-khz.wav": lambda: wav(tone(rate_hz=192_000), rate_hz=192_000),
    "4-khz.wav": lambda: wav(tone(rate_hz=4000), rate_hz=4000),
    "plain.flac": lambda: encoded(tone(), "FLAC"),
    "vorbis.ogg": lambda: encoded(tone(), "OGG", "VORBIS"),
    "opus.opus": lambda: encoded(tone(), "OGG", "OPUS"),
    "plain.mp3": lambda: encoded(tone(), "MP3"),
    "plain.aiff": lambda: encoded(tone(), "AIFF"),
    "plain.caf": lambda: encoded(tone(), "CAF"),
    "tagged.mp3": lambda: id3_tag(5000) + encoded(tone(), "MP3"),
    "tagged-at-its-end.mp3": lambda: encoded(tone(), "MP3") + b"TAG".ljust(128, b"\0"),
    "mp3-called.wav": lambda: encoded(tone(), "MP3"),
    "streamed-length-unknown.wav": lambda: patched(patched(wav(tone()), 4, b"\xff" * 4), 40, b"\xff" * 4),
    "lying-data-size.wav": lambda: patched(wav(tone()), 40, struct.pack("<I", 2**31 - 1)),
    "streamed-length-unknown.flac": lambda: flac_promising(0),
}
"""Name → bytes of files that look odd and decode all the same, to about a second."""

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero-length.wav": (lambda: b"", "is empty (0 bytes)"),
    "random-bytes.wav": (lambda: b"\0" + np.random.RandomState(2).bytes(5000), "holds no sound in a known"),
    "text.wav": (lambda: "Bitte hier die Türglocke aufnehmen\n".encode() * 40, "is text, not sound"),
    "truncated.wav": (lambda: wav(tone())[:9000], "is cut off: 23044 bytes"),
    "truncated.aiff": (lambda: encoded(tone(), "AIFF")[:9000], "is cut off"),
    "truncated.flac": (lambda: encoded(tone(), "FLAC")[:9000], "is damaged or cut off"),
    "truncated.mp3": (lambda: encoded(tone(), "MP3")[:2500], "is cut off: 2468 bytes"),
    "truncated-behind-a-tag.mp3": (lambda: id3_tag(5000) + encoded(tone(), "MP3")[:2500], "is cut off: 2468"),
    "header-only.wav": (lambda: wav(tone(0.0)), "holds a header but no sound"),
    "silent.wav": (lambda: wav(0 * tone()), "is silent"),
    "nothing-but-dc.wav": (lambda: wav(0 * tone() + 0.5), "is silent"),
    "nan.wav": (lambda: with_sample(np.nan), "holds a sample of value nan"),
    "infinite.wav": (lambda: with_sample(-np.inf), "holds a sample of value inf"),
    "absurdly-loud.wav": (lambda: with_sample(1e30), "holds a sample of value 1e+30"),
    "hundredth-of-a-second.wav": (lambda: wav(tone(0.01)), "lasts only 0.010 s"),
    "one-hour.wav": (lambda: wav(hour(), "PCM_U8", 8000), "is longer than 300 s"),
    "one-hour.flac": (lambda: encoded(hour(), "FLAC", rate_hz=8000), "is longer than 300 s"),
    "one-hertz.wav": (lambda: patched(wav(tone()), 24, struct.pack("<I", 1)), "has a sample rate of 1 Hz"),
    "promises-2-to-the-36.flac": (lambda: flac_promising(2**36 - 1), "is cut off: its header promises 687"),
    "phone.m4a": (lambda: b"\0\0\0\x20ftypM4A " + bytes(3000), "is M4A or MP4 sound"),
    "m4a-called.wav": (lambda: b"\0\0\0\x20ftypM4A " + bytes(3000), "is M4A or MP4 sound"),
    "broken.wma": (lambda: bytes(3000), "is Windows Media sound"),
}
"""Name → (bytes, piece of the sentence that refuses them)."""


def write_hostile_folder(folder: Path) -> Verdicts:
    """What each file written into `folder` must meet: a piece of its sentence, or None if it is good."""
    folder.mkdir(parents=True, exist_ok=True)
    verdicts: Verdicts = {}
    for name, make in GOOD.items():
        (folder / name).write_bytes(make())
        verdicts[folder / name] = None
    for name, (make, sentence) in BAD.items():
        (folder / name).write_bytes(make())
        verdicts[folder / name] = sentence
    return verdicts | _write_oddities(folder)


def _write_oddities(folder: Path) -> Verdicts:
    """Things that are no plain file: links, folders, pipes, forbidden files; and what macOS leaves behind."""
    (folder / "link-to-good.wav").symlink_to("plain.wav")
    (folder / "dangling-link.wav").symlink_to("gone.wav")
    (folder / "link-to-itself.wav").symlink_to("link-to-itself.wav")
    (folder / "folder-loop").symlink_to(".", target_is_directory=True)
    (folder / "folder-called.wav").mkdir()
    (folder / "._plain.wav").write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + bytes(80))
    os.mkfifo(folder / "pipe.wav")
    verdicts: Verdicts = {
        folder / "link-to-good.wav": None,
        folder / "dangling-link.wav": "is a link that leads nowhere",
        folder / "link-to-itself.wav": "is a link that leads nowhere",
        folder / "folder-called.wav": "is a folder, not a recording",
        folder / "._plain.wav": "holds no sound in a known format",
        folder / "pipe.wav": "is not a regular file",
        folder / "missing.wav": "cannot be read: No such file",
    }
    if os.geteuid() != 0:  # root may read everything
        (folder / "forbidden.wav").write_bytes(wav(tone()))
        (folder / "forbidden.wav").chmod(0)
        verdicts[folder / "forbidden.wav"] = "cannot be read: Permission denied"
    return verdicts
