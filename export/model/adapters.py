"""What the device trains: convolutional adapters and a linear head, around frozen blocks.

    post     tokens ── x + adapter(x) ─────────────────────────────── pool ── normalise ── head
    tail-k   tokens ── k frozen blocks, adapters beside attention and MLP ── norm ── pool ── …
    all      the same around every block

The adapter is AI-CL's (Interspeech 2023, §2.2): down D→r, QuickGELU, a 3×3 convolution on the token grid
(each special token is a 1×1 image), QuickGELU, up r→D, which starts at zero so that a new task begins as
the frozen network. Under `post`, a head that read CLS alone would leave the convolution without a
gradient except at its centre; the head therefore reads the pooled grid as well.
"""

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgecl.errors import UsageError
from export.model.ast import Ast, AstConfig, pool


@dataclass(frozen=True)
class Placement:
    """Where adapters stand: `post`, or in the last `blocks` blocks."""

    name: str
    blocks: int

    @classmethod
    def parse(cls, text: str, depth: int) -> "Placement":
        """`post`, `tail-k` (1 ≤ k ≤ depth) or `all`; anything else is a UsageError."""
        if text == "post":
            return cls(text, 0)
        if text == "all":
            return cls(text, depth)
        tail = re.fullmatch(r"tail-([1-9][0-9]*)", text)
        if tail and int(tail[1]) <= depth:
            return cls(text, int(tail[1]))
        raise UsageError(
            f"placement '{text}' does not exist for a backbone of {depth} blocks",
            f"choose post, tail-1 … tail-{depth}, or all",
        )


def quick_gelu(x: Tensor) -> Tensor:
    """x · σ(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


class ConvAdapter(nn.Module):
    """Bottleneck adapter with a 3×3 convolution over the token grid (AI-CL §2.2)."""

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__()
        self.config = config
        self.down = nn.Linear(config.width, rank)
        self.conv = nn.Conv2d(rank, rank, 3, padding=1)
        self.up = nn.Linear(rank, config.width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

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


ADAPTERS: dict[str, type[nn.Module]] = {"conv": ConvAdapter}  # made from (config, rank); x → what to add to x


class AdaptedTail(nn.Module):
    """Backbone tokens → logits and features: the part of the network that a task owns.

    Its trainable tensors are `adapters.*` and the head; the blocks inside are the backbone's own, which
    are frozen by this.

    Raises:
        UsageError: there is no such kind of adapter.
    """

    def __init__(self, backbone: Ast, placement: Placement, rank: int, kind: str = "conv") -> None:
        super().__init__()
        if kind not in ADAPTERS:
            raise UsageError(f"there is no adapter of kind '{kind}'", f"choose {' or '.join(ADAPTERS)}")
        self.config, self.placement, self.rank, self.kind = backbone.config, placement, rank, kind
        self.blocks = backbone.blocks[self.first_block :]
        self.norm = backbone.norm if placement.blocks else nn.Identity()
        self.requires_grad_(False)
        if placement.blocks:
            sides = [self._beside_block() for _ in range(placement.blocks)]
            self.adapters: nn.Module = nn.ModuleList(sides)
        else:
            self.adapters = self._adapter()

    @property
    def first_block(self) -> int:
        """The block at which the frozen backbone hands over."""
        return self.config.depth - self.placement.blocks

    def _adapter(self) -> nn.Module:
        return ADAPTERS[self.kind](self.config, self.rank)

    def _beside_block(self) -> nn.ModuleDict:
        return nn.ModuleDict({name: self._adapter() for name in ("attention", "mlp")})

    def trainable(self) -> dict[str, Tensor]:
        """The adapter tensors by name, in the order of the flat parameter vector."""
        return {f"adapters.{name}": value for name, value in self.adapters.named_parameters()}

    def forward(self, tokens: Tensor, normalizer: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, C] and features [B, P].

        Args:
            tokens: [B, S + F·T, D] as the backbone left them.
            normalizer: [2, P], the mean and 1/std that features are normalised with.
            head: [C, P + 1], weights and, in the last column, the bias.
        """
        features = (pool(self._adapted(tokens), self.config) - normalizer[:1]) * normalizer[1:]
        with_bias = nn.functional.pad(features, (0, 1), value=1.0)
        return nn.functional.linear(with_bias, head), features

    def _adapted(self, x: Tensor) -> Tensor:
        if not self.placement.blocks:
            return x + self.adapters(x)
        for block, sides in zip(self.blocks, self.adapters, strict=True):
            x = block(x, sides)
        return self.norm(x)
