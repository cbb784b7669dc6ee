"""From an open sound file to blocks of one waveform, in bounded memory.

Nothing in a header is believed: a file is decoded forwards, block by block, and given up as soon as it is
longer than allowed. The errors raised here leave out the name of the file; `audio` puts it in front.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from edgecl.arrays import Waveform
from edgecl.audio.file_types import detect_foreign_format
from edgecl.audio.resampling import Resampler
from edgecl.errors import AudioError, TooLongError

CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"})
BLOCK_SAMPLES = 1 << 16  # decoded at once, all channels together
LARGEST_SAMPLE = 2.0**16  # float files may be scaled like 16-bit integers; anything beyond is no sound
UNKNOWN_FRAMES = 1 << 36  # one more than a FLAC header can promise; soundfile reports a huge number instead


class _ForwardSound(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file read forwards only.

    soundfile seeks after every block of a seekable file, which fails at the end of a stream whose length
    is unknown or a lie, and would hide its last block.
    """

    def seekable(self) -> bool:
        return False


def open_sound(file: BinaryIO) -> soundfile.SoundFile:
    """The decoder over `file`, which stays open when the decoder is closed.

    Raises:
        AudioError: the bytes are no sound in a known container, told by what they seem to be instead.
    """
    file.seek(0)
    try:
        sound = _ForwardSound(file.fileno(), closefd=False)
    except (soundfile.SoundFileError, TypeError, ValueError):
        raise _unrecognised(file) from None
    if sound.format not in CONTAINERS:
        sound.close()
        raise _unrecognised(file)
    return sound


def _unrecognised(file: BinaryIO) -> AudioError:
    name = Path(file.name)
    file.seek(0)
    kind = detect_foreign_format(file.read(512), name.suffix)
    if kind is None:
        hint = "it may be damaged; copy it again, or export it again as WAV or FLAC"
        return AudioError("holds no sound in a known format", hint)
    if kind == "text":
        return AudioError("is text, not sound", "export the recording again as WAV or FLAC")
    target = name.with_suffix(".flac" if name.suffix == ".wav" else ".wav")
    line = shlex.join(["ffmpeg", "-i", str(name), str(target)])
    return AudioError(f"is {kind}, which cannot be decoded here", f"convert it: {line}")


def mono_blocks(sound: soundfile.SoundFile, max_s: float) -> Iterator[Waveform]:
    """Mono blocks, each float32 [frames], the mean of the channels, at the rate of the file.

    Raises:
        AudioError: the sound is longer than `max_s`, damaged, cut off, empty or not finite.
    """
    allowed = int(max_s * sound.samplerate)
    block_frames = max(1, BLOCK_SAMPLES // sound.channels)
    decoded = 0
    while len(block := _next_block(sound, block_frames, decoded)):  # [frames, channels]
        decoded += len(block)
        if decoded > allowed:
            raise TooLongError(f"is longer than {max_s:g} s", "cut it into shorter recordings")
        peak = float(np.abs(block).max())
        if not peak <= LARGEST_SAMPLE:  # in this order because NaN compares as false
            raise AudioError(f"holds a sample of value {peak:g}, which is no sound", "export it again as WAV")
        yield block.mean(axis=1)
    if decoded == 0:
        raise AudioError("holds a header but no sound", "record it again, or copy it again")
    if sound.format == "FLAC" and decoded < sound.frames < UNKNOWN_FRAMES:
        promise = f"its header promises {sound.frames} samples, it holds {decoded}"
        raise AudioError(f"is cut off: {promise}", "copy it again")


def _next_block(sound: soundfile.SoundFile, frames: int, decoded: int) -> Waveform:
    try:
        block: Waveform = sound.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ValueError):
        where = f"{decoded / sound.samplerate:.1f} s"
        raise AudioError(f"is damaged or cut off somewhere after {where}", "copy it again") from None
    return block


def resample(blocks: Iterator[Waveform], from_hz: int, to_hz: int) -> Waveform:
    """The blocks as one waveform, float32 [samples], resampled to `to_hz` while they arrive."""
    resampler = Resampler(from_hz, to_hz)
    pieces = [resampler.feed(block) for block in blocks]
    return np.concatenate([*pieces, resampler.finish()])
