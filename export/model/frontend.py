"""The log-mel front end: one convolution, a square, a matrix product and a logarithm.

DC removal, pre-emphasis, window and DFT are linear in one frame. Their product is computed once in float64
and becomes the kernel of a single Conv1d:

    frame [400] ──(I − 11ᵀ/n)── pre-emphasis ── window ── zero-pad ── DFT──► re, im [2 × 257]
    └──────────────────── one matrix [514, 400] ────────────────────────┘

The mel bank is applied to the power re² + im². Mel scale and triangles follow Kaldi's fbank
(1127·ln(1 + f/700), triangles linear in mel), with which AST checkpoints were trained.
"""

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


def frame_transform(config: FrontEnd) -> np.ndarray:
    """Return the linear map of one frame, float64 [2 · bins, frame_samples]: real, then imaginary rows."""
    n = config.frame_samples
    remove_dc = np.eye(n) - np.full((n, n), 1.0 / n)
    emphasis = np.eye(n) - config.preemphasis * np.eye(n, k=-1)
    emphasis[0, 0] -= config.preemphasis
    window = np.diag(np.hanning(n))
    bins, time = np.arange(config.fft_samples // 2 + 1)[:, None], np.arange(n)[None, :]
    angle = -2.0 * np.pi * bins * time / config.fft_samples
    dft = np.concatenate([np.cos(angle), np.sin(angle)])
    return _matmul(_matmul(_matmul(dft, window), emphasis), remove_dc)


def _matmul(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Multiply matrices in a fixed order of summation; BLAS would change bytes and so the fingerprint."""
    return np.einsum("ij,jk->ik", left, right, optimize=False)


class LogMel(nn.Module):
    """Waveform → log-mel image; frames are not padded (Kaldi's snip_edges)."""

    def __init__(self, config: FrontEnd) -> None:
        super().__init__()
        self.config = config
        kernel = frame_transform(config)[:, None, :]
        bank = mel_bank(
            config.mel_bands, config.fft_samples, config.sample_rate_hz, config.low_hz, config.high_hz
        )
        self.register_buffer("kernel", torch.tensor(kernel, dtype=torch.float32), persistent=False)
        self.register_buffer("bank", torch.tensor(bank, dtype=torch.float32), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the image [B, 1, mel_bands, frames] of waveforms [B, samples] in −1…1."""
        spectrum = nn.functional.conv1d(waveform[:, None], self.kernel, stride=self.config.hop_samples)
        real, imaginary = spectrum.chunk(2, dim=1)  # [B, bins, frames] each
        mel = self.bank @ (real * real + imaginary * imaginary)
        log_mel = mel.clamp(min=self.config.floor).log()
        return ((log_mel - self.config.shift) / self.config.scale)[:, None]
