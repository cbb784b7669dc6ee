"""Log-mel image → token grid [B, D, F, T]: a small mobile network (ours) or plain patches (AST)."""

import torch
from torch import Tensor, nn

from .mobile import COARSE_LAYER, FINE_LAYER, LAYERS, MobileLayers

CLAMP = 6.0


class Standardize(nn.Module):
    """Standardisation to zero mean and unit variance per channel; the statistics are measured once."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    def measure(self, values: Tensor) -> None:
        """Set the statistics to those of `values` [samples, channels]."""
        self.mean.copy_(values.mean(0))
        self.deviation.copy_(values.std(0).clamp(min=1e-3))

    def forward(self, values: Tensor, trailing: int = 0) -> Tensor:
        """Standardise values and clamp them to ±6.

        Args:
            values: […, channels, …].
            trailing: number of axes after the channels.
        """
        mean, deviation = (x.view(-1, *[1] * trailing) for x in (self.mean, self.deviation))
        return ((values - mean) / deviation).clamp(-CLAMP, CLAMP)


class MobileStem(nn.Module):
    """Mobile layers whose maps at strides 8 and 16 are combined into tokens.

    128 mels × 198 frames (2 s) become a 4 × 13 grid: a token covers 32 mels and 16 frames. The finer map
    retains the phonetic detail that deeper layers discard.
    """

    reduced_mels, reduced_frames = 32, 16

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = MobileLayers(LAYERS[:COARSE_LAYER])
        fine, coarse = (self.layers[n].outputs for n in (FINE_LAYER, COARSE_LAYER))
        self.fine_scale, self.coarse_scale = Standardize(fine), Standardize(coarse)
        self.fine = nn.Conv2d(fine, width, (4, 3), (4, 2), (0, 1))
        self.coarse = nn.Conv2d(coarse, width, (2, 1), (2, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map [B, 1, M, frames] to [B, D, M / 32, frames / 16], rounded up."""
        return self.join(self.layers(image))

    def join(self, maps: list[Tensor]) -> Tensor:
        """Combine layer outputs, its own or the teacher's, into tokens [B, D, F, T]."""
        fine = self.fine_scale(maps[FINE_LAYER], trailing=2)
        coarse = self.coarse_scale(maps[COARSE_LAYER], trailing=2)
        return self.fine(fine) + self.coarse(coarse)


class PatchStem(nn.Conv2d):
    """Linear patches, possibly overlapping, as in AST (Gong et al., 2021, §2.1)."""

    def __init__(self, width: int, patch: int, stride_mels: int, stride_frames: int) -> None:
        super().__init__(1, width, patch, (stride_mels, stride_frames))

    def forward(self, image: Tensor) -> Tensor:
        """Map [B, 1, M, frames] to [B, D, F, T]."""
        return super().forward(image)
