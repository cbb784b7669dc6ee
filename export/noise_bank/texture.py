"""Sound textures: measures the statistics of a recording and draws new sound that has them.

After McDermott & Simoncelli 2011, "Sound Texture Perception via Statistics of the Auditory Periphery",
Neuron 71, 926–940. Of their statistics (Figure 1) these are kept: the marginals of the envelopes of frequency
bands, in which sparse sounds differ from dense ones; the power of their modulations; and the correlations
between bands.

Deviations: the envelopes are drawn at once instead of by gradient descent on noise. A Gaussian process with
the measured modulation spectra and correlations is mapped to the measured marginals, value by value in order
of rank. The bands are those of a short-time Fourier transform, carriers are Gaussian noise, and correlations
between modulation bands (their C1 and C2) are left out.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from edgecl.arrays import Doubles, Floating, Waveform

FRAME, HOP = 256, 128
"""Of the transform, in samples: 16 and 8 ms at 16 kHz."""
BANDS = 24
LOWEST_HZ = 60.0
QUANTILES = np.linspace(0.005, 0.995, 32)
MODULATION_BINS = 10
"""From the slowest modulation to half the frame rate, equally wide on a logarithmic scale."""
FLOOR = 1e-10
MIN_EIGENVALUE = 1e-3


@dataclass(frozen=True)
class TextureStatistics:
    """The statistics of a texture, from which no recording can be reconstructed."""

    marginals: Doubles  # [BANDS, quantiles], log power of each band
    modulations: Doubles  # [BANDS, MODULATION_BINS], share of the variance of the normal scores
    correlations: Doubles  # [BANDS, BANDS], of the normal scores

    @property
    def features(self) -> Doubles:
        """A vector in which textures that sound alike are near each other."""
        level = self.marginals.mean()
        spread = self.marginals[:, -2] - self.marginals[:, 1]
        means = self.marginals.mean(axis=1) - level
        return np.concatenate([means, spread, 4 * np.log(self.modulations + 1e-3).mean(axis=0)])


def measure_texture(waveform: Waveform, rate_hz: int) -> TextureStatistics:
    """Measure the statistics of a recording of at least a second, [samples]."""
    power = np.square(np.abs(_transform(waveform.astype(np.float64))))  # [frames, bins]
    log_power = np.log(power @ _band_weights(rate_hz).T + FLOOR)  # [frames, BANDS]
    scores = _to_normal_scores(log_power)
    return TextureStatistics(
        marginals=np.quantile(log_power, QUANTILES, axis=0).T,
        modulations=_measure_modulations(scores),
        correlations=np.corrcoef(scores.T),
    )


def synthesise_texture(
    statistics: TextureStatistics, samples: int, rate_hz: int, rng: np.random.Generator
) -> Doubles:
    """Draw a sound with the statistics of a texture, [samples]."""
    frames = samples // HOP + 2
    scores = _draw_scores(statistics, frames, rng)
    log_power = np.stack(
        [
            np.interp(_to_probability(s), QUANTILES, m)
            for s, m in zip(scores.T, statistics.marginals, strict=True)
        ]
    )  # [BANDS, frames]
    weights = _band_weights(rate_hz)
    amplitudes = np.sqrt(np.exp(log_power).T @ (weights / weights.sum(axis=1, keepdims=True)))
    noise = rng.standard_normal((frames + 1) * HOP) / np.sqrt(FRAME / 2)  # of power 1 in each bin
    carrier = _transform(noise)[:frames]
    return _inverse_transform(carrier * amplitudes)[:samples]


def _transform(waveform: Doubles) -> Floating:
    """Return the short-time Fourier transform, [frames, FRAME // 2 + 1]."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME)[::HOP]
    return np.fft.rfft(frames * _window(), axis=1)


def _inverse_transform(spectra: Floating) -> Doubles:
    """Overlap and add the frames of a transform, [samples]."""
    frames = np.fft.irfft(spectra, FRAME, axis=1) * _window()
    waveform = np.zeros((len(frames) + 1) * HOP)
    waveform[:-HOP] += frames[:, :HOP].ravel()
    waveform[HOP:] += frames[:, HOP:].ravel()
    return waveform


def _window() -> Doubles:
    """Return the sine window, whose squares add up to 1 at half overlap."""
    window: Doubles = np.sin(np.pi * (np.arange(FRAME) + 0.5) / FRAME)
    return window


def _band_weights(rate_hz: int) -> Doubles:
    """Return triangular bands on the scale of equivalent rectangular bandwidths, [BANDS, bins]."""
    bins = _to_erb(np.fft.rfftfreq(FRAME, 1 / rate_hz))
    edges = np.linspace(_to_erb(np.array(LOWEST_HZ)), bins[-1], BANDS + 2)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(np.minimum(rising, falling), 0.0)
    nearest = np.abs(bins - edges[1:-1, None]).argmin(axis=1)
    weights[np.arange(BANDS), nearest] = np.maximum(weights[np.arange(BANDS), nearest], 0.5)  # narrow bands
    return weights


def _to_erb(frequency_hz: Doubles) -> Doubles:
    """Return the ERB number of a frequency: Glasberg & Moore 1990, equation 4."""
    number: Doubles = 21.4 * np.log10(1 + 0.00437 * frequency_hz)
    return number


def _to_normal_scores(values: Doubles) -> Doubles:
    """Replace values by those of a normal distribution with the same ranks, column by column."""
    ranks = values.argsort(axis=0).argsort(axis=0)
    scores = np.array([NormalDist().inv_cdf((rank + 0.5) / len(values)) for rank in range(len(values))])
    return scores[ranks]


def _to_probability(scores: Doubles) -> Doubles:
    """Return the share of smaller values for each value, 0…1."""
    shares: Doubles = (scores.argsort().argsort() + 0.5) / len(scores)
    return shares


def _modulation_bins(frames: int) -> Doubles:
    """Return the number of the modulation bin of each frequency of a series of frames."""
    frequency = np.fft.rfftfreq(frames)[1:] * 2  # relative to half the frame rate
    octaves = np.log2(np.maximum(frequency, 2.0**-MODULATION_BINS))
    bins: Doubles = np.clip(MODULATION_BINS + np.floor(octaves), 0, MODULATION_BINS - 1).astype(int)
    return bins


def _measure_modulations(scores: Doubles) -> Doubles:
    """Return the mean power in each modulation bin, [BANDS, MODULATION_BINS]; a white series has 1 in all."""
    power = np.square(np.abs(np.fft.rfft(scores, axis=0)[1:])) / len(scores)
    bins = _modulation_bins(len(scores))
    counts = np.maximum(np.bincount(bins, minlength=MODULATION_BINS), 1)
    return np.stack([np.bincount(bins, column, MODULATION_BINS) / counts for column in power.T])


def _draw_scores(statistics: TextureStatistics, frames: int, rng: np.random.Generator) -> Doubles:
    """Draw a Gaussian process with the modulation spectra and correlations of a texture, [frames, BANDS]."""
    values, vectors = np.linalg.eigh(statistics.correlations)
    mixing = vectors * np.sqrt(np.maximum(values, MIN_EIGENVALUE))
    white = rng.standard_normal((frames, BANDS)) @ mixing.T
    spectra = np.fft.rfft(white, axis=0)
    spectra[0] = 0
    spectra[1:] *= np.sqrt(statistics.modulations[:, _modulation_bins(frames)]).T
    scores: Doubles = np.fft.irfft(spectra, frames, axis=0)
    return scores
