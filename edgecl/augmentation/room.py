"""Reverberation of synthetic rooms.

A response is the direct sound and a diffuse tail of noise that decays exponentially: the statistical model of
late reverberation (Polack 1988; Habets 2007, "Single- and Multi-Microphone Speech Dereverberation", §2.3).
Deviations: early reflections are part of the tail, and the tail has two bands; the upper one decays
faster, as air and soft surfaces absorb more of it.
"""

import numpy as np

from edgecl.arrays import Doubles, Floating

RT60_RANGE_S = (0.15, 0.9)
DIRECT_TO_REVERBERANT_DB = (0.0, 10.0)
MAX_DELAY_S = 0.01  # from the direct sound to the first reflections
UPPER_BAND_HZ = 2000.0
UPPER_DECAY_SHARE = 0.6  # of the RT60 below that frequency
TAIL_SHARE = 0.7  # of the RT60 that is computed; what follows lies 42 dB below the start


def draw_room_response(rng: np.random.Generator, rate_hz: int) -> Doubles:
    """Draw the impulse response of a room, [samples]; its direct sound has an amplitude of 1."""
    rt60_s = float(np.exp(rng.uniform(*np.log(RT60_RANGE_S))))
    return make_room_response(rng, rt60_s, rng.uniform(*DIRECT_TO_REVERBERANT_DB), rate_hz)


def make_room_response(
    rng: np.random.Generator, rt60_s: float, direct_to_reverberant_db: float, rate_hz: int
) -> Doubles:
    """Make the impulse response of a room with this reverberation, [samples]."""
    tail = _draw_tail(rng, rt60_s, rate_hz)
    delay = 1 + int(rng.uniform(0, MAX_DELAY_S) * rate_hz)
    response = np.zeros(delay + tail.size)
    response[0] = 1.0
    response[delay:] = tail * 10 ** (-direct_to_reverberant_db / 20)
    return response


def reverberate(window: Floating, response: Floating) -> Doubles:
    """Convolve a window with a room's response and keep its length and RMS level, [samples]."""
    size = _choose_transform_length(window.size + response.size - 1)
    spectrum = np.fft.rfft(window, size) * np.fft.rfft(response, size)
    wet = np.fft.irfft(spectrum, size)[: window.size]
    level, wet_level = np.sqrt(np.square(window, dtype=np.float64).mean()), np.sqrt(np.square(wet).mean())
    louder: Doubles = wet * (level / max(wet_level, np.finfo(float).tiny))
    return louder


def _choose_transform_length(samples: int) -> int:
    """Return the next length of a fast Fourier transform: a product of 2, 3 and 5."""
    return min(odd << max(0, ((samples - 1) // odd).bit_length()) for odd in (1, 3, 5, 9, 15, 25, 27, 45, 75))


def _draw_tail(rng: np.random.Generator, rt60_s: float, rate_hz: int) -> Doubles:
    """Draw a diffuse tail of energy 1, [samples]."""
    time_s = np.arange(max(2, int(TAIL_SHARE * rt60_s * rate_hz))) / rate_hz
    noise = rng.standard_normal(time_s.size)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(time_s.size, 1 / rate_hz) > UPPER_BAND_HZ] = 0
    lower = np.fft.irfft(spectrum, time_s.size)
    upper_decay = _decay(time_s, UPPER_DECAY_SHARE * rt60_s)
    tail = lower * _decay(time_s, rt60_s) + (noise - lower) * upper_decay
    scaled: Doubles = tail / np.sqrt(np.square(tail).sum())
    return scaled


def _decay(time_s: Doubles, rt60_s: float) -> Doubles:
    """Return the amplitude of a tail that falls by 60 dB within the reverberation time."""
    decay: Doubles = 10 ** (-3 * time_s / rt60_s)
    return decay
