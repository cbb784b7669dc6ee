"""Sound in an array of the caller's → a mono waveform, checked and mixed like a file that is decoded."""

from typing import Any

import numpy as np

from edgecl.arrays import Floats, Waveform
from edgecl.audio.channels import ChannelStatistics
from edgecl.audio.decoding import MAX_SAMPLE, resample
from edgecl.audio.faults import Fault, find_faults
from edgecl.audio.reader import DEFAULT_LIMITS, scale_to_full_range
from edgecl.errors import AudioError

FULL_SCALE = {"int16": 1 << 15, "int32": 1 << 31}
"""Integer types and their amplitude of 1."""
FLOATS = ("float16", "float32", "float64")
ACCEPTED = ", ".join((*FLOATS, *FULL_SCALE))
MAX_CHANNELS = 64


def to_channels(array: Any, min_samples: int = 0) -> Floats:
    """Convert an array to float32 [samples, channels], −1…1 where integers had their full scale.

    Args:
        array: [samples] or [samples, channels]; floats in −1…1, int16 or int32.
        min_samples: Number of samples that it must have.

    Raises:
        AudioError: It has another type or shape, too few samples, or samples that are not finite.
    """
    try:
        samples = np.asarray(array)
    except (ValueError, TypeError) as error:
        raise AudioError(f"the sound cannot become an array: {error}", "pass a NumPy array") from None
    if samples.dtype.name not in (*FLOATS, *FULL_SCALE):
        raise AudioError(f"the sound has the type {samples.dtype}, not {ACCEPTED}", _suggest_type(samples))
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"the sound has the shape {list(samples.shape)}", "pass [samples] or [samples, channels]"
        )
    if samples.ndim == 2 and not 1 <= samples.shape[1] <= MAX_CHANNELS:
        raise AudioError(
            f"the sound has {samples.shape[1]} channels: its shape is {list(samples.shape)}",
            "pass [samples, channels]; 'array.T' turns [channels, samples] round",
        )
    if len(samples) < min_samples:
        raise AudioError(
            f"the sound has {len(samples)} samples and needs {min_samples} at least", "pass more of it"
        )
    return _scale(samples if samples.ndim == 2 else samples[:, None])


def to_waveform(array: Any, sample_rate: int, to_hz: int) -> tuple[Waveform, tuple[Fault, ...]]:
    """Convert an array to a waveform, float32 [samples] in −1…1, resampled to `to_hz`.

    Its channels are mixed, and one that peaks above 1 is scaled down as a whole, as a file would be.

    Args:
        array: See `to_channels`.
        sample_rate: Its sample rate in Hz.
        to_hz: The sample rate of the result.

    Returns:
        The waveform, and what is wrong with it, though it can be used.

    Raises:
        AudioError: See `to_channels`; or the sample rate is out of range, or the sound too short or too long.
    """
    rate_hz = check_sample_rate(sample_rate)
    samples = to_channels(array, min_samples=int(DEFAULT_LIMITS.min_s * rate_hz))
    if len(samples) > DEFAULT_LIMITS.max_s * rate_hz:
        raise AudioError(
            f"the sound lasts {len(samples) / rate_hz:.0f} s, longer than {DEFAULT_LIMITS.max_s:g} s",
            "follow it as a stream: Device.stream",
        )
    statistics = ChannelStatistics(samples.shape[1], rate_hz)
    statistics.add(samples)
    waveform = resample([statistics.choose_mix().apply(samples)], rate_hz, to_hz)
    return scale_to_full_range(waveform), find_faults(statistics, waveform, to_hz)


def check_sample_rate(sample_rate: Any) -> int:
    """Return a sample rate in Hz that can be resampled.

    Raises:
        AudioError: It is not a whole number, or out of range.
    """
    limits = DEFAULT_LIMITS
    is_whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if not is_whole or not limits.min_rate_hz <= sample_rate <= limits.max_rate_hz:
        allowed = f"{limits.min_rate_hz} to {limits.max_rate_hz} Hz"
        raise AudioError(
            f"the sample rate is {sample_rate!r}, not a whole number of {allowed}",
            "pass the rate at which the array was recorded, such as sample_rate=16_000",
        )
    return int(sample_rate)


def _scale(samples: np.ndarray) -> Floats:
    """Return samples as floats, −1…1 where integers had their full scale."""
    scaled: Floats = samples.astype(np.float32) / np.float32(FULL_SCALE.get(samples.dtype.name, 1))
    peak = float(np.abs(scaled).max(initial=0.0))
    if not peak <= MAX_SAMPLE:  # in this order because NaN compares as false
        raise AudioError(
            f"the sound holds a sample of value {peak:g}, which is no sound", "pass finite floats in −1…1"
        )
    return scaled


def _suggest_type(samples: np.ndarray) -> str:
    if samples.dtype.name in ("int8", "uint8"):
        return "8-bit sound: pass (array - array.mean()) / 128, or record with 16 bits"
    return "convert it: array.astype('float32'), in −1…1"
