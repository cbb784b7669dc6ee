"""The convolutional adapter of AI-CL.

Selvaraj et al., "Adapter Incremental Continual Learning of Efficient Audio Spectrogram Transformers",
Interspeech 2023, §2.2. Deviations: besides every block (`all`, as in the paper), it can be placed in the last
k blocks (`tail-k`) or once after the last block (`post`, the default), where it is trained on tokens that the
frozen backbone computed once.
"""

import torch
from torch import Tensor, nn

from ..ast import AstConfig
from .adapter import Adapter, make_zero_linear


def quick_gelu(x: Tensor) -> Tensor:
    """Return x · σ(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


class ConvAdapter(Adapter):
    """Down D→r, QuickGELU, a 3×3 convolution on the token grid, QuickGELU, up r→D.

    Each special token is a 1×1 image. A block has one beside the attention and one beside the MLP; both
    read the normalised tokens that the layer reads.
    """

    places = ("beside_attention", "beside_mlp")

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__(config, rank)
        self.down = nn.Linear(config.width, rank)
        self.conv = nn.Conv2d(rank, rank, 3, padding=1)
        self.up = make_zero_linear(rank, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the change to add to the tokens; both are [B, S + F·T, D]."""
        special = self.config.special_tokens
        low = quick_gelu(self.down(x)).transpose(1, 2)  # [B, r, S + F·T]
        grid = self.conv(low[:, :, special:].unflatten(2, (self.config.rows, -1))).flatten(2)
        specials = self._convolve_special(low[:, :, :special])
        return self.up(quick_gelu(torch.cat([specials, grid], dim=2).transpose(1, 2)))

    def _convolve_special(self, low: Tensor) -> Tensor:
        """Convolve special tokens [B, r, S], each a 1×1 image: only the kernel's centre applies."""
        centre = self.conv.weight[:, :, 1:2, 1:2]
        return nn.functional.conv2d(low.unsqueeze(3), centre, self.conv.bias).squeeze(3)
