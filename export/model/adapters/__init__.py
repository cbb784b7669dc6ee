"""What the device trains: adapters of some kind and a linear head, around frozen blocks.

    post     tokens ── x + adapter(x) ─────────────────────────────── pool ── normalise ── head
    tail-k   tokens ── k frozen blocks, adapters at attention and MLP ── norm ── pool ── …
    all      the same around every block

Where in a block adapters stand is a matter of their kind, each in a file of its own. All begin by adding
nothing: a new task starts as the frozen network. Under `post`, a head that read CLS alone would leave a
convolution without a gradient except at its centre; the head therefore reads the pooled grid as well.
"""

import re
from dataclasses import dataclass

from torch import Tensor, nn

from edgecl.errors import UsageError
from export.model.adapters.adapter import Adapter
from export.model.adapters.bottleneck import BottleneckAdapter
from export.model.adapters.conv import ConvAdapter
from export.model.ast import Ast, pool

ADAPTERS: dict[str, type[Adapter]] = {"conv": ConvAdapter, "bottleneck": BottleneckAdapter}
"""The kinds by name, each made from (config, rank)."""


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
            sides = [self._in_block() for _ in range(placement.blocks)]
            self.adapters: nn.Module = nn.ModuleList(sides)
        else:
            self.adapters = self._adapter()

    @property
    def first_block(self) -> int:
        """The block at which the frozen backbone hands over."""
        return self.config.depth - self.placement.blocks

    def _adapter(self) -> Adapter:
        return ADAPTERS[self.kind](self.config, self.rank)

    def _in_block(self) -> nn.ModuleDict:
        return nn.ModuleDict({place: self._adapter() for place in ADAPTERS[self.kind].places})

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
