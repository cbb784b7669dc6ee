"""Reading an audio file as a clip: a waveform float32 [samples], mono, −1…1, at one sample rate.

Every defect raises an `AudioError` with its own message; `read_clip` raises nothing else. Channels are
averaged; where their mean would lose the sound, one of them is used (see `channels`). The DC component is
subtracted before resampling, which would turn it into clicks at both ends. A clip that peaks above 1 (float
files, MP3 overshoot, resampling) is scaled down as a whole: clipping would add distortion.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edgecl.arrays import Floats, Waveform
from edgecl.audio.channels import ChannelStatistics
from edgecl.audio.decoding import Sound, make_decodable, open_sound, read_blocks, resample, resample_blocks
from edgecl.audio.excerpts import join_excerpts
from edgecl.audio.faults import Fault, find_faults
from edgecl.audio.file_types import count_missing_bytes, counts_its_header
from edgecl.audio.unfinished import UnfinishedSound
from edgecl.errors import AudioError, TooLongError

SAMPLE_RATE_HZ = 16_000
HASH_BLOCK_BYTES = 1 << 20
KEPT_SAMPLES = 1 << 22  # of all channels, 16 MiB; longer recordings are decoded twice


@dataclass(frozen=True)
class Limits:
    """The requirements that a recording has to meet."""

    min_s: float = 0.02
    max_s: float = 300.0
    """Length of a waveform at most."""
    longest_s: float | None = None
    """Length of a longer recording at most, from which excerpts are taken; None: it is refused."""
    excerpts_s: float = 120.0
    """Length of all excerpts together: more of one recording adds little to a task."""
    min_rate_hz: int = 4_000
    max_rate_hz: int = 192_000
    max_channels: int = 32
    max_file_bytes: int = 512 << 20
    silence_dbfs: float = -75.0
    """RMS level, without DC, that some part of `min_s` has to exceed; 0 is a full-scale square wave."""

    @property
    def allowed_s(self) -> float:
        """Return the length of a recording at most."""
        return self.longest_s or self.max_s


DEFAULT_LIMITS = Limits()
LONG_LIMITS = Limits(longest_s=86_400.0, max_file_bytes=16 << 30)
"""Of recordings that may be represented by excerpts, or are processed as a stream."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded recording."""

    path: Path
    waveform: Waveform
    """float32 [samples], mono, −1…1; excerpts of a longer recording."""
    sha256: str
    """Hex hash of the bytes of the file."""
    duration_s: float
    """Of the recording."""
    rate_hz: int
    source_rate_hz: int
    channels: int
    faults: tuple[Fault, ...] = ()
    """What is wrong with it, though it can be used."""

    @property
    def is_excerpt(self) -> bool:
        """Return whether the waveform consists of excerpts of a longer recording."""
        return "excerpts" in self.faults


@dataclass(frozen=True)
class RejectedFile:
    """A file or folder that was not used: `reason` is a sentence that names it, `hint` says what to do."""

    path: Path
    reason: str
    hint: str = ""
    too_long: bool = False


def read_clip(path: Path, limits: Limits = DEFAULT_LIMITS, rate_hz: int = SAMPLE_RATE_HZ) -> Clip:
    """Decode and hash an audio file.

    Args:
        path: The file.
        limits: The requirements that it has to meet.
        rate_hz: The sample rate of the clip.

    Raises:
        AudioError: The file cannot be used.
    """
    with _naming_errors(path):
        _check_regular(path)
        with path.open("rb", buffering=0) as file:  # unbuffered: the decoder reads on from the descriptor
            return _decode(file, path, limits, rate_hz)


@contextmanager
def _naming_errors(path: Path) -> Iterator[None]:
    """Put the name of the file in front of every error, and make `AudioError` of those of the system."""
    try:
        yield
    except AudioError as defect:
        raise type(defect)(f"{str(path)!r} {defect.message}", defect.hint) from None
    except OSError as error:
        reason = f"{str(path)!r} cannot be read: {error.strerror or error}"
        raise AudioError(reason, "check that it exists and that you may read it") from None


def read_or_reject(
    path: Path, limits: Limits = DEFAULT_LIMITS, rate_hz: int = SAMPLE_RATE_HZ
) -> Clip | RejectedFile:
    """Decode and hash an audio file like `read_clip`, but return the reason if it cannot be used."""
    try:
        return read_clip(path, limits, rate_hz)
    except AudioError as error:
        return RejectedFile(path, error.message, error.hint, isinstance(error, TooLongError))


def _check_regular(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise AudioError("is a link that leads nowhere", "copy the recording itself here")
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise AudioError("is a folder, not a recording", "name the recordings inside it")
    if not stat.S_ISREG(mode):
        raise AudioError("is not a regular file", "save the sound as a file first")


def _decode(file: BinaryIO, path: Path, limits: Limits, rate_hz: int) -> Clip:
    before = os.fstat(file.fileno())
    _check_size(before.st_size, limits)
    with make_decodable(file) as source:
        measured = _measure(source, limits)
        with open_sound(source) as sound:
            mixed = measured.mix_blocks(sound, limits)
            if measured.is_longer_than(limits.max_s):
                mixed = join_excerpts(mixed, measured.frames, measured.rate_hz, limits.excerpts_s)
            waveform = scale_to_full_range(resample(mixed, measured.rate_hz, rate_hz))
    _check_audible(waveform, waveform.size / rate_hz, limits)
    digest = _sha256(file)
    _check_unchanged(before, os.fstat(file.fileno()))
    is_excerpt = measured.is_longer_than(limits.max_s)
    excerpts: tuple[Fault, ...] = ("excerpts",) if is_excerpt else ()
    return Clip(
        path=path,
        waveform=waveform,
        sha256=digest,
        duration_s=measured.frames / measured.rate_hz if is_excerpt else waveform.size / rate_hz,
        rate_hz=rate_hz,
        source_rate_hz=measured.rate_hz,
        channels=measured.channels,
        faults=(*measured.wrong_sizes, *find_faults(measured.statistics, waveform, rate_hz), *excerpts),
    )


@contextmanager
def stream_clip(
    path: Path, limits: Limits = LONG_LIMITS, rate_hz: int = SAMPLE_RATE_HZ
) -> Iterator["ClipStream"]:
    """Decode a recording as a stream of blocks: what `read_clip` does, in bounded memory.

    Args:
        path: The file.
        limits: The requirements that it has to meet; silence is not one of them.
        rate_hz: The sample rate of the blocks.

    Raises:
        AudioError: The file cannot be used.
    """
    with _naming_errors(path):
        _check_regular(path)
        with path.open("rb", buffering=0) as file:
            _check_size(os.fstat(file.fileno()).st_size, limits)
            with make_decodable(file) as source:
                measured = _measure(source, limits)
                with open_sound(source) as sound:
                    peak = np.float32(measured.peak)
                    scaled = (block / peak for block in measured.mix_blocks(sound, limits))
                    blocks = resample_blocks(scaled, measured.rate_hz, rate_hz)
                    yield ClipStream(blocks, measured.frames / measured.rate_hz, measured.stream_faults)


@dataclass(frozen=True)
class ClipStream:
    """A recording that is being decoded."""

    blocks: Iterator[Waveform]
    """float32 [samples] each, mono, −1…1."""
    duration_s: float
    faults: tuple[Fault, ...]
    """What is wrong with it, though it can be used."""


@dataclass(frozen=True)
class _Measured:
    """What decoding a file once shows."""

    rate_hz: int
    channels: int
    frames: int
    peak: float
    """Of all channels, but at least 1."""
    statistics: ChannelStatistics
    wrong_sizes: tuple[Fault, ...]
    kept: list[Floats]
    """All blocks; none if they take too much memory and have to be decoded again."""

    @property
    def stream_faults(self) -> tuple[Fault, ...]:
        """Return the faults that do not show in the waveform."""
        fault = self.statistics.find_fault()
        return (*self.wrong_sizes, fault) if fault else self.wrong_sizes

    def is_longer_than(self, seconds: float) -> bool:
        return self.frames > int(seconds * self.rate_hz)

    def mix_blocks(self, sound: Sound, limits: Limits) -> Iterator[Waveform]:
        """Return the blocks of the file as one channel; `sound` is the file, opened again."""
        return map(self.statistics.choose_mix().apply, self.kept or read_blocks(sound, limits.allowed_s))


def _measure(file: BinaryIO, limits: Limits) -> _Measured:
    """Decode a file once."""
    has_wrong_sizes = _check_complete(file, os.fstat(file.fileno()).st_size)
    kept, frames, peak = list[Floats](), 0, 1.0
    with open_sound(file) as sound:
        has_wrong_sizes |= isinstance(sound, UnfinishedSound)
        _check_rate(sound.samplerate, limits)
        _check_channels(sound.channels, limits)
        rate_hz, channels = sound.samplerate, sound.channels
        statistics = ChannelStatistics(channels, rate_hz)
        for block in read_blocks(sound, limits.allowed_s):
            statistics.add(block)
            frames, peak = frames + len(block), max(peak, float(np.abs(block).max()))
            if frames * channels <= KEPT_SAMPLES:
                kept.append(block)
            else:
                kept.clear()
    wrong_sizes: tuple[Fault, ...] = ("wrong sizes",) if has_wrong_sizes else ()
    return _Measured(rate_hz, channels, frames, peak, statistics, wrong_sizes, kept)


def _check_complete(file: BinaryIO, size_bytes: int) -> bool:
    """Return whether the header promises a little more than there is, which may be the header itself."""
    if size_bytes == 0:
        raise AudioError("is empty (0 bytes)", "record it again, or copy it again")
    missing = count_missing_bytes(file, size_bytes)
    if missing and not counts_its_header(file, missing):
        raise AudioError(f"is cut off: {missing} bytes that its header promises are missing", "copy it again")
    return missing > 0


def _check_rate(rate_hz: int, limits: Limits) -> None:
    if not limits.min_rate_hz <= rate_hz <= limits.max_rate_hz:
        allowed = f"{limits.min_rate_hz} to {limits.max_rate_hz} Hz"
        raise AudioError(f"has a sample rate of {rate_hz} Hz, not {allowed}", "export it again at 16000 Hz")


def _check_channels(channels: int, limits: Limits) -> None:
    if channels > limits.max_channels:
        reason = f"has {channels} channels, not 1 to {limits.max_channels}"
        raise AudioError(reason, "export it again as mono or stereo")


def scale_to_full_range(waveform: Waveform) -> Waveform:
    """Scale a waveform [samples] down as a whole where it peaks above 1."""
    peak = np.abs(waveform).max(initial=1.0)
    return waveform if peak <= 1.0 else waveform / peak


def _check_audible(waveform: Waveform, duration_s: float, limits: Limits) -> None:
    if duration_s < limits.min_s:
        raise AudioError(f"lasts only {duration_s:.3f} s", f"record at least {limits.min_s:g} s")
    pieces = np.array_split(waveform, int(duration_s / limits.min_s))
    if all(piece.std() <= 10 ** (limits.silence_dbfs / 20) for piece in pieces):
        level = f"never above {limits.silence_dbfs:g} dBFS"
        raise AudioError(f"is silent ({level})", "check the microphone, then record it again")


def _check_size(size_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.max_file_bytes:
        largest = f"{limits.max_file_bytes >> 20} MiB"
        raise AudioError(f"is larger than {largest}", "save it as FLAC, or at a lower sample rate")


def _check_unchanged(before: os.stat_result, after: os.stat_result) -> None:
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise AudioError("changed while it was being read", "try again once it is fully written")


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(HASH_BLOCK_BYTES):
        digest.update(piece)
    return digest.hexdigest()
