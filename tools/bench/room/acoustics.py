"""Rooms, noise, filters and levels, computed on waveforms at 16 kHz."""

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from edgecl.arrays import Doubles, Waveform
from edgecl.audio.reader import SAMPLE_RATE_HZ

FRAME_S = 0.02
ACTIVE_DB = 20.0  # below the loudest frame: the frames that count for the level of a sound
DIRECT_S = 0.0025
KEPT = 1.2  # of the reverberation time: the rest of a decay is 72 dB down
TELEPHONE_HZ = 300.0, 3400.0
MICROPHONE_HZ = 100.0, 300.0, 800.0, 2000.0, 4000.0, 7000.0
MICROPHONE_DB = -12.0, 3.0, -4.0, 5.0, -6.0, -15.0
FADE_S = 0.05
TALKERS = 8


def measure_active_rms(waveform: Waveform) -> float:
    """Return the RMS of the frames of a sound [samples] that are within 20 dB of its loudest frame.

    Pauses before and after a sound in its recording therefore do not change its level.
    """
    size = min(waveform.size, round(FRAME_S * SAMPLE_RATE_HZ))
    frames = waveform[: waveform.size // size * size].reshape(-1, size)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 10 ** (-ACTIVE_DB / 10)].mean()))


def measure_rt60(response: Waveform) -> float:
    """Return the reverberation time in seconds of an impulse response [samples].

    Schroeder 1965: backward-integrated energy; its decay from −5 to −25 dB, times three.
    """
    tail = response[np.abs(response).argmax() :].astype(np.float64)
    decay = np.cumsum(np.square(tail)[::-1])[::-1]
    level_db = 10 * np.log10(decay / decay[0] + 1e-12)
    first, last = (int(np.argmax(level_db < limit)) for limit in (-5.0, -25.0))
    return 3 * (last - first) / SAMPLE_RATE_HZ


def shape_response(response: Waveform, rt60_s: float) -> Waveform:
    """Shorten the decay of an impulse response to a reverberation time; direct and late energy are equal.

    Args:
        response: of a room whose reverberation time is at least `rt60_s`, [samples].
        rt60_s: in seconds.

    Returns:
        The response from its direct sound on, [samples].
    """
    start = max(0, int(np.abs(response).argmax()) - round(DIRECT_S / 2 * SAMPLE_RATE_HZ))
    shaped = response[start:][: round(KEPT * rt60_s * SAMPLE_RATE_HZ)].astype(np.float64)
    time_s = np.arange(shaped.size) / SAMPLE_RATE_HZ
    rate = 3 * np.log(10) * max(0.0, 1 / rt60_s - 1 / measure_rt60(response))
    shaped *= np.exp(-rate * time_s)
    direct = round(DIRECT_S * SAMPLE_RATE_HZ)
    shaped[direct:] *= np.linalg.norm(shaped[:direct]) / np.linalg.norm(shaped[direct:])
    return (shaped / np.linalg.norm(shaped)).astype(np.float32)


def reverberate(waveform: Waveform, response: Waveform) -> Waveform:
    """Convolve a sound with a room's impulse response; the tail makes it longer. The active level stays."""
    wet = fftconvolve(waveform, response).astype(np.float32)
    return set_active_rms(wet, measure_active_rms(waveform))


def set_active_rms(waveform: Waveform, rms: float) -> Waveform:
    """Scale a sound to an active RMS."""
    return (waveform * (rms / max(measure_active_rms(waveform), 1e-9))).astype(np.float32)


def filter_telephone(waveform: Waveform) -> Waveform:
    """Keep the band of a telephone, 300 to 3,400 Hz."""
    sections = butter(4, TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return sosfilt(sections, waveform).astype(np.float32)


def filter_microphone(waveform: Waveform) -> Waveform:
    """Apply the frequency response of another, poor microphone, interpolated over log frequency."""
    spectrum = np.fft.rfft(waveform)
    hertz = np.fft.rfftfreq(waveform.size, 1 / SAMPLE_RATE_HZ)
    gain_db = np.interp(np.log(np.maximum(hertz, 20.0)), np.log(MICROPHONE_HZ), MICROPHONE_DB)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), waveform.size).astype(np.float32)


def chain(rng: np.random.Generator, sounds: Sequence[Waveform], samples: int) -> Doubles:
    """Lay sounds in random order one after another, each at an RMS of 1, with short fades, [samples]."""
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    chained, end = np.zeros(samples), 0
    while end < samples:
        for number in rng.permutation(len(sounds)):
            piece = sounds[number] / max(float(sounds[number].std()), 1e-6)
            ramp = np.minimum(1.0, np.minimum(np.arange(piece.size), np.arange(piece.size)[::-1]) / fade)
            start = max(0, end - fade)
            room = samples - start
            chained[start : start + piece.size] += (piece * ramp)[:room]
            end = start + piece.size
            if end >= samples:
                break
    return chained


def make_babble(rng: np.random.Generator, voices: Sequence[Waveform], samples: int) -> Doubles:
    """Mix eight talkers who speak without a pause, [samples]."""
    return np.sum([chain(rng, voices, samples) for _ in range(TALKERS)], axis=0)  # type: ignore[no-any-return]
