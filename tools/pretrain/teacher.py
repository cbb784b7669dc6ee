"""The teacher: MobileNetV3-Large at width 0.4 on log-mel images, trained on AudioSet by others.

Definition from the published architecture (Howard et al., 2019, table 1; audio variant: Schmid et al.,
ICASSP 2023). It is run here on 16 kHz audio: the bins of a 512-point DFT at 16 kHz are those of the
1024-point DFT at 32 kHz it was trained with, so the bank's lower half applies as it is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from export.model.frontend import mel_bank

RATE_HZ = 32000
FFT_SAMPLES = 1024
MEL_BANDS = 128
WIDTH = 0.4

# kernel, expansion, output, squeeze-and-excitation, hard-swish, stride (at width 1.0)
LAYERS = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
STRIDE_16_LAYER = 12


class Heard(NamedTuple):
    """What the teacher says of a batch of windows.

    `embedding` [B, 384]; `logits` [B, 527]; `last` [B, 384, 7] the last map averaged over frequency;
    `middle` [B, 384, 13] the stride-16 map, its 8 frequency rows × 48 channels side by side.
    """

    embedding: Tensor
    logits: Tensor
    last: Tensor
    middle: Tensor


def _channels(full: int) -> int:
    scaled = max(8, int(full * WIDTH + 4) // 8 * 8)
    return scaled if scaled >= 0.9 * full * WIDTH else scaled + 8


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int, act: type[nn.Module] | None):
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    return nn.Sequential(*layers, act()) if act else nn.Sequential(*layers)


class _Excite(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.fc2(self.fc1(x.mean((2, 3))).relu()).sigmoid()
        return x * scale[:, :, None, None]


class _ChannelGate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(8, int(channels / 4 + 4) // 8 * 8)
        squeezed = squeezed if squeezed >= 0.9 * channels / 4 else squeezed + 8
        self.conc_se_layers = nn.ModuleList([_Excite(channels, squeezed)])

    def forward(self, x: Tensor) -> Tensor:
        return self.conc_se_layers[0](x)


class _Inverted(nn.Module):
    def __init__(self, inputs: int, layer: tuple[int, int, int, bool, bool, int]) -> None:
        super().__init__()
        kernel, expansion, output, gated, hard, stride = layer
        hidden, outputs = _channels(expansion), _channels(output)
        act = nn.Hardswish if hard else nn.ReLU
        blocks = [_conv(inputs, hidden, 1, 1, 1, act)] if hidden != inputs else []
        blocks.append(_conv(hidden, hidden, kernel, stride, hidden, act))
        if gated:
            blocks.append(_ChannelGate(hidden))
        blocks.append(_conv(hidden, outputs, 1, 1, 1, None))
        self.block = nn.Sequential(*blocks)
        self.residual = stride == 1 and inputs == outputs
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.residual else self.block(x)


class Teacher(nn.Module):
    """Frozen; `forward` gives everything the student is asked to match."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleList([_conv(1, 8, 3, 2, 1, nn.Hardswish)])
        channels = 8
        for layer in LAYERS:
            self.features.append(_Inverted(channels, layer))
            channels = self.features[-1].outputs
        self.features.append(_conv(channels, 384, 1, 1, 1, nn.Hardswish))
        self.classifier = nn.Sequential(
            nn.Identity(),
            nn.Identity(),
            nn.Linear(384, 512),
            nn.Hardswish(),
            nn.Identity(),
            nn.Linear(512, 527),
        )
        self.register_buffer("bank", _power_bank(), persistent=False)
        self.register_buffer("window", torch.hann_window(400, periodic=False), persistent=False)

    def image(self, waveform: Tensor) -> Tensor:
        """Log-mel image [B, 1, 128, 1 + samples / 160] of 16 kHz audio [B, samples]."""
        spectrum = torch.stft(waveform, 512, 160, 400, self.window, center=True, return_complex=True)
        mel = self.bank @ (spectrum.real.square() + spectrum.imag.square())
        return (((mel + 1e-5).log() + 4.5) / 5.0)[:, None]

    def forward(self, waveform: Tensor) -> Heard:
        """What the teacher hears in 16 kHz audio [B, samples]."""
        x = self.image(waveform)
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number == STRIDE_16_LAYER:
                middle = x.flatten(1, 2)
        embedding = x.mean((2, 3))
        return Heard(embedding, self.classifier(embedding), x.mean(2), middle)


def _power_bank() -> Tensor:
    """Mel bank [128, 257] for 16 kHz power spectra, with the teacher's pre-emphasis and level folded in."""
    bank = mel_bank(MEL_BANDS, FFT_SAMPLES, RATE_HZ, 0.0, RATE_HZ / 2)[:, :257]
    omega = 2 * np.pi * np.arange(257) / FFT_SAMPLES
    emphasis = np.abs(np.exp(1j * omega) - 0.97) ** 2
    return torch.tensor(bank * emphasis * 4.0, dtype=torch.float32)


def load_teacher(weights: Path) -> Teacher:
    """The teacher with the published weights; raises where a tensor is missing or left over."""
    teacher = Teacher()
    teacher.load_state_dict(torch.load(weights, weights_only=True))
    return teacher.eval().requires_grad_(False)
