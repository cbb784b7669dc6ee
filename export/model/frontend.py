"""The log-mel front end: a Fourier transform in two steps, a square, a matrix product and a logarithm.

Removal of DC and pre-emphasis of a frame x with mean µ, where p is the pre-emphasis, leave

    x[n] − p · x[n − 1] − (1 − p) · µ

so pre-emphasis is applied to the waveform once, and the mean is removed from each frame. The first sample of
a frame, which Kaldi treats differently, has no weight in a Hann window.

The DFT of N samples is that of Cooley and Tukey (1965) for N = R · L, n = L · n₁ + n₂ and k = k₁ + R · k₂:

    Z[k₁, n₂] = Σ over n₁ of x[L · n₁ + n₂] · w(R)^(n₁ k₁)            one matrix for all frames
    X[k₁, k₂] = Σ over n₂ of Z[k₁, n₂] · w(N)^(k n₂)                  one matrix for each k₁

With 512 = 32 · 16 it takes an eighth of the multiplications of one matrix product. Only k₁ ≤ R / 2 are
computed, as a real signal has the same power at k and N − k.

Mel scale and triangles follow Kaldi's fbank (1127·ln(1 + f/700), triangles linear in mel), with which AST
checkpoints were trained.
"""

from math import gcd, log

import numpy as np
import torch
from torch import Tensor, nn

from edgecl.bundle.manifest import FrontEnd


def hertz_to_mel(hertz: np.ndarray) -> np.ndarray:
    """Convert frequencies in Hz to mel, HTK/Kaldi formula."""
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


def mel_bank(bands: int, fft_samples: int, rate_hz: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return triangular filters [bands, fft_samples // 2 + 1] in float64; the Nyquist column is zero."""
    edges = np.linspace(*hertz_to_mel(np.array([low_hz, high_hz])), bands + 2)
    bins = hertz_to_mel(np.arange(fft_samples // 2) * rate_hz / fft_samples)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.pad(np.maximum(np.minimum(rising, falling), 0.0), ((0, 0), (0, 1)))


class PowerSpectrum(nn.Module):
    """The power of the DFT of windowed frames, by the two steps above."""

    def __init__(self, frame_samples: int, fft_samples: int) -> None:
        """Compute the matrices.

        Args:
            frame_samples: length of a frame, at most `fft_samples`; zeros are appended to it.
            fft_samples: N, the length of the transform.
        """
        super().__init__()
        self.columns = gcd(frame_samples, fft_samples)  # L
        rows = fft_samples // self.columns  # R
        first = np.arange(rows // 2 + 1)  # k₁
        column = np.arange(self.columns)  # n₂ and k₂
        row_angle = -2.0 * np.pi / rows * np.outer(first, np.arange(frame_samples // self.columns))
        frequency = first[:, None] + rows * column  # k, [k₁, k₂]
        angle = -2.0 * np.pi / fft_samples * frequency[:, None, :] * column[None, :, None]  # [k₁, n₂, k₂]
        cosine, sine = np.cos(angle), np.sin(angle)
        self.bins = np.minimum(frequency, fft_samples - frequency).flatten()
        """The frequency bin of each output; some bins occur twice."""
        matrices = {
            "window": np.hanning(frame_samples),
            "row": np.stack([np.cos(row_angle), np.sin(row_angle)], axis=1).reshape(2 * len(first), -1),
            "real": np.concatenate([cosine, -sine], axis=1),  # [k₁, re n₂ | im n₂, k₂]
            "imaginary": np.concatenate([sine, cosine], axis=1),
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.tensor(matrix, dtype=torch.float32), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Compute the power [B, T, bins] of frames [B, T, samples], in the order of `bins`."""
        rows = self.row @ (frames * self.window).unflatten(2, (-1, self.columns))  # [B, T, k₁ re im, n₂]
        rows = rows.unflatten(2, (-1, 2)).flatten(3).transpose(1, 2)  # [B, k₁, T, re n₂ | im n₂]
        real, imaginary = rows @ self.real, rows @ self.imaginary
        return (real * real + imaginary * imaginary).transpose(1, 2).flatten(2)


class LogMel(nn.Module):
    """Waveform → log-mel image; frames are not padded (Kaldi's snip_edges)."""

    def __init__(self, config: FrontEnd) -> None:
        super().__init__()
        self.config = config
        self.chunk_samples = gcd(config.frame_samples, config.hop_samples)
        self.power = PowerSpectrum(config.frame_samples, config.fft_samples)
        bank = mel_bank(
            config.mel_bands, config.fft_samples, config.sample_rate_hz, config.low_hz, config.high_hz
        )
        self.bands = int(bank.any(axis=1).nonzero()[0].max()) + 1  # those above are empty
        bins, place = np.unique(self.power.bins, return_index=True)
        weights = np.zeros((len(self.power.bins), self.bands))
        weights[place] = bank[: self.bands, bins].T
        self.register_buffer("bank", torch.tensor(weights, dtype=torch.float32), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the image [B, 1, mel_bands, frames] of waveforms [B, samples] in −1…1."""
        config = self.config
        power = self.power(self._split_frames(waveform))
        log_mel = (power @ self.bank).clamp(min=config.floor).log()  # [B, T, bands]
        image = ((log_mel - config.shift) / config.scale).transpose(1, 2)
        empty = (log(config.floor) - config.shift) / config.scale
        return nn.functional.pad(image, (0, 0, 0, config.mel_bands - self.bands), value=empty)[:, None]

    def _split_frames(self, waveform: Tensor) -> Tensor:
        """Return the frames [B, T, samples] of waveforms, without DC and with pre-emphasis."""
        config, size = self.config, self.chunk_samples
        whole = waveform[:, : waveform.shape[1] // size * size]
        emphasised = whole - config.preemphasis * nn.functional.pad(whole, (1, 0))[:, :-1]
        per_frame, step = config.frame_samples // size, config.hop_samples // size
        count = (waveform.shape[1] - config.frame_samples) // config.hop_samples + 1
        first = torch.arange(count, device=waveform.device)[:, None] * step
        chunks = (first + torch.arange(per_frame, device=waveform.device)).flatten()
        means = whole.unflatten(1, (-1, size)).mean(2).index_select(1, chunks)
        frames = emphasised.unflatten(1, (-1, size)).index_select(1, chunks)
        mean = means.unflatten(1, (count, per_frame)).mean(2, keepdim=True)
        return frames.view(-1, count, config.frame_samples) - (1.0 - config.preemphasis) * mean
