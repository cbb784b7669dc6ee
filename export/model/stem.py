"""Log-mel image → token grid [B, D, F, T]: a small mobile network (ours) or plain patches (AST)."""

import torch
from torch import Tensor, nn

from export.model.mobile import COARSE_LAYER, FINE_LAYER, LAYERS, MobileLayers

CLAMP = 6.0


class Standardize(nn.Module):
    """Zero mean and unit variance per channel, measured once, then frozen."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    def measure(self, values: Tensor) -> None:
        """Take the statistics of `values` [samples, channels]."""
        self.mean.copy_(values.mean(0))
        self.deviation.copy_(values.std(0).clamp(min=1e-3))

    def forward(self, values: Tensor, trailing: int = 0) -> Tensor:
        """[…, channels] with so many axes behind the channels → the same shape, clamped to ±6."""
        mean, deviation = (x.view(-1, *[1] * trailing) for x in (self.mean, self.deviation))
        return ((values - mean) / deviation).clamp(-CLAMP, CLAMP)


class MobileStem(nn.Module):
    """Mobile layers whose maps at a stride of 8 and of 16 become tokens together.

    128 mels × 198 frames (2 s) become a 4 × 13 grid: a token covers 32 mels and 16 frames. The finer map
    keeps what words are made of and deeper layers give up.
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
        """[B, 1, M, frames] → [B, D, M / 32, frames / 16], frames rounded up."""
        return self.join(self.layers(image))

    def join(self, maps: list[Tensor]) -> Tensor:
        """Tokens [B, D, F, T] of the maps behind the layers, its own or its teacher's."""
        fine = self.fine_scale(maps[FINE_LAYER], trailing=2)
        coarse = self.coarse_scale(maps[COARSE_LAYER], trailing=2)
        return self.fine(fine) + self.coarse(coarse)


class PatchStem(nn.Conv2d):
    """Linear patches, possibly overlapping, as in AST (Gong et al., 2021, §2.1)."""

    def __init__(self, width: int, patch: int, stride_mels: int, stride_frames: int) -> None:
        super().__init__(1, width, patch, (stride_mels, stride_frames))

    def forward(self, image: Tensor) -> Tensor:
        """[B, 1, M, frames] → [B, D, F, T]."""
        return super().forward(image)
