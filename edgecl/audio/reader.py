"""Reading an audio file as a clip: a waveform float32 [samples], mono, −1…1, at one sample rate.

Every defect raises an `AudioError` with its own message; `read_clip` raises nothing else. Channels are
averaged; where their mean would lose the sound, one of them is used (see `channels`). The DC component is
subtracted before resampling, which would turn it into clicks at both ends. A clip that peaks above 1 (float
files, MP3 overshoot, resampling) is scaled down as a whole: clipping would add distortion.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edgecl.arrays import Floats, Waveform
from edgecl.audio.channels import ChannelStatistics
from edgecl.audio.decoding import open_sound, read_blocks, resample
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
    min_rate_hz: int = 4_000
    max_rate_hz: int = 192_000
    max_file_bytes: int = 512 << 20
    silence_dbfs: float = -75.0
    """RMS level, without DC, that some part of `min_s` has to exceed; 0 is a full-scale square wave."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded recording."""

    path: Path
    waveform: Waveform
    """float32 [samples], mono, −1…1."""
    sha256: str
    """Hex hash of the bytes of the file."""
    duration_s: float
    rate_hz: int
    source_rate_hz: int
    channels: int
    faults: tuple[Fault, ...] = ()
    """What is wrong with it, though it can be used."""


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
    try:
        _check_regular(path)
        with path.open("rb", buffering=0) as file:  # unbuffered: the decoder reads on from the descriptor
            return _decode(file, path, limits, rate_hz)
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
    has_wrong_sizes = _check_complete(file, before.st_size)
    with open_sound(file) as sound:
        has_wrong_sizes |= isinstance(sound, UnfinishedSound)
        _check_rate(sound.samplerate, limits)
        source_rate_hz, channels = sound.samplerate, sound.channels
        statistics = ChannelStatistics(channels, source_rate_hz)
        blocks = _measure(read_blocks(sound, limits.max_s), statistics)
    mix = statistics.choose_mix()
    with open_sound(file) as sound:
        mixed = map(mix.apply, blocks or read_blocks(sound, limits.max_s))
        waveform = scale_to_full_range(resample(mixed, source_rate_hz, rate_hz))
    duration_s = waveform.size / rate_hz
    _check_audible(waveform, duration_s, limits)
    _check_size(before.st_size, limits)
    digest = _sha256(file)
    _check_unchanged(before, os.fstat(file.fileno()))
    wrong_sizes: tuple[Fault, ...] = ("wrong sizes",) if has_wrong_sizes else ()
    return Clip(
        path=path,
        waveform=waveform,
        sha256=digest,
        duration_s=duration_s,
        rate_hz=rate_hz,
        source_rate_hz=source_rate_hz,
        channels=channels,
        faults=(*wrong_sizes, *find_faults(statistics, waveform, rate_hz)),
    )


def _measure(blocks: Iterable[Floats], statistics: ChannelStatistics) -> list[Floats]:
    """Measure all blocks and return them; none if they take too much memory and have to be decoded again."""
    kept, samples = list[Floats](), 0
    for block in blocks:
        statistics.add(block)
        samples += block.size
        if samples <= KEPT_SAMPLES:
            kept.append(block)
        else:
            kept.clear()
    return kept


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


def scale_to_full_range(waveform: Waveform) -> Waveform:
    """Scale a waveform [samples] down as a whole where it peaks above 1."""
    peak = np.abs(waveform).max(initial=1.0)
    return waveform if peak <= 1.0 else waveform / peak


def _check_audible(waveform: Waveform, duration_s: float, limits: Limits) -> None:
    if duration_s < limits.min_s:
        raise AudioError(f"lasts only {duration_s:.3f} s", f"record at least {limits.min_s:g} s")
    pieces = np.array_split(waveform, int(duration_s / limits.min_s))
    if max(piece.std() for piece in pieces) <= 10 ** (limits.silence_dbfs / 20):
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
