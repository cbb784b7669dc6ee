"""AI-CL's convolutional adapter (Selvaraj et al., "Adapter Incremental Continual Learning of Efficient Audio
Spectrogram Transformers", Interspeech 2023, §2.2).

Deviations: besides the paper's place in every block (`all`) it can stand in the last k (`tail-k`), or once
behind the last block (`post`, the default): there it learns from tokens that a frozen backbone gave once.
"""

import torch
from torch import Tensor, nn

from export.model.adapters.adapter import Adapter, silent
from export.model.ast import AstConfig


def quick_gelu(x: Tensor) -> Tensor:
    """x · σ(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


class ConvAdapter(Adapter):
    """Down D→r, QuickGELU, a 3×3 convolution on the token grid, QuickGELU, up r→D.

    Each special token is a 1×1 image. In a block one stands beside the attention and one beside the MLP; both
    read the normed tokens that the layer reads.
    """

    places = ("beside_attention", "beside_mlp")

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__(config, rank)
        self.down = nn.Linear(config.width, rank)
        self.conv = nn.Conv2d(rank, rank, 3, padding=1)
        self.up = silent(rank, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, S + F·T, D] → the change to add, of the same shape."""
        special = self.config.special_tokens
        low = quick_gelu(self.down(x)).transpose(1, 2)  # [B, r, S + F·T]
        grid = self.conv(low[:, :, special:].unflatten(2, (self.config.rows, -1))).flatten(2)
        alone = self._alone(low[:, :, :special])
        return self.up(quick_gelu(torch.cat([alone, grid], dim=2).transpose(1, 2)))

    def _alone(self, low: Tensor) -> Tensor:
        """The convolution on special tokens [B, r, S], each a 1×1 image: only its centre meets them."""
        centre = self.conv.weight[:, :, 1:2, 1:2]
        return nn.functional.conv2d(low.unsqueeze(3), centre, self.conv.bias).squeeze(3)
