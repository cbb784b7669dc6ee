"""Decoding of an open audio file, block by block, in bounded memory.

Nothing in a header is trusted: a file is decoded forwards and rejected as soon as it is longer than allowed.
The errors raised here leave out the name of the file; `reader` puts it in front.
"""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile

from edgecl.arrays import Floats, Waveform
from edgecl.audio import ffmpeg
from edgecl.audio.decoder_messages import drop_decoder_messages
from edgecl.audio.file_types import HEAD_BYTES, detect_unsupported_format, match_unsupported
from edgecl.audio.resampling import Resampler
from edgecl.audio.unfinished import UnfinishedSound, find_unfinished_sound
from edgecl.errors import AudioError, TooLongError

CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"})
PCM_CODECS = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"})
CODECS = PCM_CODECS | {"VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}
"""Those of FLAC are the codecs of its samples. Others (ADPCM, GSM, ALAC, G.72x …) are rare, and their
decoders are rarely tested: each would be one more way to attack."""
OTHER_CONTAINERS = (b"RIFF", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff")
FOUR_BYTES = 4
BLOCK_SAMPLES = 1 << 16  # per block, all channels together
MAX_SAMPLE = 2.0**16  # float files may be scaled like 16-bit integers; anything beyond is invalid
UNKNOWN_FRAMES = 1 << 36  # one more than a FLAC header can declare; unknown lengths are reported as more


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """An audio file that is read forwards only.

    soundfile seeks after every block of a seekable file. That fails at the end of a stream whose declared
    length is unknown or wrong, and would lose its last block.
    """

    def seekable(self) -> bool:
        return False


Sound: TypeAlias = soundfile.SoundFile | UnfinishedSound
"""A decoder. Only its attributes, `read` and `close` are used."""


@contextmanager
def make_decodable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a file that `open_sound` can decode: the file itself, or what ffmpeg makes of it.

    Raises:
        AudioError: ffmpeg is installed and cannot decode it.
    """
    file.seek(0)
    kind = match_unsupported(file.read(HEAD_BYTES))
    if kind is None or not ffmpeg.is_installed():
        yield file
    else:
        with ffmpeg.decode(file, kind) as sound:
            yield sound


def open_sound(file: BinaryIO) -> Sound:
    """Open a decoder for `file`, which is unbuffered and stays open when the decoder is closed.

    Raises:
        AudioError: The file has no known container, or another codec than `CODECS`; the message names the
            format if it is recognised.
    """
    if unfinished := find_unfinished_sound(file):
        return unfinished
    file.seek(0)
    may_be_mp3 = not file.read(FOUR_BYTES).startswith(OTHER_CONTAINERS)
    file.seek(0)
    try:
        with drop_decoder_messages() if may_be_mp3 else nullcontext():
            sound = _ForwardSoundFile(file.fileno(), closefd=False)
    except (soundfile.SoundFileError, TypeError, ValueError):
        raise _make_format_error(file) from None
    if sound.format not in CONTAINERS:
        sound.close()
        raise _make_format_error(file)
    if sound.subtype not in CODECS:
        codec = sound.subtype
        sound.close()
        raise AudioError(f"is compressed as {codec}, which is not decoded here", _suggest_conversion(file))
    return sound


def _make_format_error(file: BinaryIO) -> AudioError:
    name = Path(file.name)
    file.seek(0)
    kind = detect_unsupported_format(file.read(HEAD_BYTES), name.suffix)
    if kind is None:
        hint = "it may be damaged; copy it again, or export it again as WAV or FLAC"
        return AudioError("holds no sound in a known format", hint)
    if kind == "text":
        return AudioError("is text, not sound", "export the recording again as WAV or FLAC")
    return AudioError(f"is {kind}, which cannot be decoded here", _suggest_conversion(file))


def _suggest_conversion(file: BinaryIO) -> str:
    name = Path(file.name)
    target = name.with_suffix(".flac" if name.suffix == ".wav" else ".wav")
    return f"convert it: {shlex.join(['ffmpeg', '-i', str(name), str(target)])}"


def read_blocks(sound: Sound, max_s: float) -> Iterator[Floats]:
    """Decode a file into blocks [frames, channels] at its own sample rate.

    Raises:
        AudioError: The sound is longer than `max_s`, damaged, cut off, empty or not finite.
    """
    allowed = int(max_s * sound.samplerate)
    block_frames = max(1, BLOCK_SAMPLES // sound.channels)
    decoded = 0
    while len(block := _read_block(sound, block_frames, decoded)):  # [frames, channels]
        decoded += len(block)
        if decoded > allowed:
            raise TooLongError(f"is longer than {max_s:g} s", "cut it into shorter recordings")
        peak = float(np.abs(block).max())
        if not peak <= MAX_SAMPLE:  # in this order because NaN compares as false
            raise AudioError(f"holds a sample of value {peak:g}, which is no sound", "export it again as WAV")
        yield block
    if decoded == 0:
        raise AudioError("holds a header but no sound", "record it again, or copy it again")
    if sound.format == "FLAC" and decoded < sound.frames < UNKNOWN_FRAMES:
        promise = f"its header promises {sound.frames} samples, it holds {decoded}"
        raise AudioError(f"is cut off: {promise}", "copy it again")


def _read_block(sound: Sound, frames: int, decoded: int) -> Floats:
    try:
        with drop_decoder_messages() if sound.format == "MP3" else nullcontext():
            block: Floats = sound.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ValueError):
        where = f"{decoded / sound.samplerate:.1f} s"
        raise AudioError(f"is damaged or cut off somewhere after {where}", "copy it again") from None
    return block


def resample(blocks: Iterable[Waveform], from_hz: int, to_hz: int) -> Waveform:
    """Concatenate mono blocks into one waveform [samples], resampled to `to_hz` as they arrive."""
    return np.concatenate(list(resample_blocks(blocks, from_hz, to_hz)))


def resample_blocks(blocks: Iterable[Waveform], from_hz: int, to_hz: int) -> Iterator[Waveform]:
    """Yield mono blocks [samples] resampled to `to_hz`."""
    resampler = Resampler(from_hz, to_hz)
    for block in blocks:
        yield resampler.feed(block)
    yield resampler.finish()
