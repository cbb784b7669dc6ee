"""Room acoustics: reverberation, background noise and the level at the microphone."""

import numpy as np

from edgecl.arrays import Doubles
from tools.demo.waveforms import RATE_HZ, noise_band, times_s


def impulse_response(echo_s: float, distance: float, rng: np.random.Generator) -> Doubles:
    """Synthesise the impulse response of a room.

    A direct path, six early reflections, then decaying noise, whose high frequencies decay twice as fast.

    Args:
        echo_s: reverberation time, the decay by 60 dB.
        distance: of the source, 0 (near) … 1 (far).
        rng: draws reflections and noise.
    """
    time = times_s(echo_s)
    low = noise_band(echo_s, 60, 1500, rng) * np.exp(-6.9 * time / echo_s)
    high = noise_band(echo_s, 1500, 7000, rng) * np.exp(-13.8 * time / echo_s)
    tail = (low + 0.6 * high) * np.minimum(time / 0.02, 1.0)
    room: Doubles = distance * 0.5 * tail / np.sqrt(np.sum(tail**2))
    for delay_s in rng.uniform(0.004, 0.035, size=6):
        room[round(delay_s * RATE_HZ)] += distance * rng.uniform(-0.3, 0.3)
    room[0] += 1.0
    return room


def add_reverb(dry: Doubles, room: Doubles) -> Doubles:
    """Convolve a dry waveform with a room's impulse response; the result is longer by the response."""
    length = dry.size + room.size - 1
    wet: Doubles = np.fft.irfft(np.fft.rfft(dry, length) * np.fft.rfft(room, length), length)
    return wet


def room_noise(duration_s: float, rng: np.random.Generator) -> Doubles:
    """Synthesise room noise of unit RMS: rumble, air and a little mains hum."""
    air = noise_band(duration_s, 40, 6000, rng, tilt_db_per_octave=-rng.uniform(3, 6))
    hum = 0.2 * np.sin(2 * np.pi * 100 * times_s(duration_s) + rng.uniform(0, 2 * np.pi))
    noise: Doubles = (air + hum) / np.sqrt(1.02)
    return noise


def scale_to_peak(waveform: Doubles, peak_dbfs: float) -> Doubles:
    """Scale a waveform to a peak level."""
    gain: float = 10 ** (peak_dbfs / 20) / np.abs(waveform).max()
    return waveform * gain
