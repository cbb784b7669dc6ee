"""The trainable part of a task: adapters and a linear head, around frozen blocks.

    post     tokens ── x + adapter(x) ─────────────────────────────── pool ── normalise ── head
    tail-k   tokens ── k frozen blocks, adapters at attention and MLP ── norm ── pool ── …
    all      the same around every block

Each kind of adapter has its own module, which defines its places in a block. All kinds initially add zero, so
a new task starts as the frozen network. Under `post`, a head on CLS alone would give a convolution a gradient
at its centre only, so the head reads the pooled grid as well.
"""

import re
from dataclasses import dataclass

from torch import Tensor, nn

from edgecl.errors import UsageError

from ..ast import Ast
from .adapter import Adapter
from .bottleneck import BottleneckAdapter
from .conv import ConvAdapter

ADAPTERS: dict[str, type[Adapter]] = {"conv": ConvAdapter, "bottleneck": BottleneckAdapter}
"""The kinds by name; each is built from (config, rank)."""


@dataclass(frozen=True)
class Placement:
    """The place of the adapters: after the last block (`post`), or in the last `blocks` blocks."""

    name: str
    blocks: int

    @classmethod
    def parse(cls, text: str, depth: int) -> "Placement":
        """Parse `post`, `tail-k` (1 ≤ k ≤ depth) or `all`.

        Raises:
            UsageError: a backbone of `depth` blocks has no such placement.
        """
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
    """The part of the network that belongs to a task: backbone tokens → logits and features.

    Trainable tensors are `adapters.*` and the head. Blocks and pooling are those of the backbone, frozen.

    Raises:
        UsageError: the kind of adapter does not exist.
    """

    def __init__(self, backbone: Ast, placement: Placement, rank: int, kind: str = "conv") -> None:
        super().__init__()
        if kind not in ADAPTERS:
            raise UsageError(f"there is no adapter of kind '{kind}'", f"choose {' or '.join(ADAPTERS)}")
        self.config, self.placement, self.rank, self.kind = backbone.config, placement, rank, kind
        self.blocks = backbone.blocks[self.first_block :]
        self.norm = backbone.norm if placement.blocks else nn.Identity()
        self.pool = backbone.pool
        self.requires_grad_(False)
        if placement.blocks:
            per_block = [self._make_block_adapters() for _ in range(placement.blocks)]
            self.adapters: nn.Module = nn.ModuleList(per_block)
        else:
            self.adapters = self._make_adapter()

    @property
    def first_block(self) -> int:
        """The index of the first block of the tail; the frozen backbone ends before it."""
        return self.config.depth - self.placement.blocks

    def _make_adapter(self) -> Adapter:
        return ADAPTERS[self.kind](self.config, self.rank)

    def _make_block_adapters(self) -> nn.ModuleDict:
        return nn.ModuleDict({place: self._make_adapter() for place in ADAPTERS[self.kind].places})

    def trainable(self) -> dict[str, Tensor]:
        """Return the adapter tensors by name, in the order of the flat parameter vector."""
        return {f"adapters.{name}": value for name, value in self.adapters.named_parameters()}

    def forward(self, tokens: Tensor, normalizer: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [B, C] and features [B, P].

        Args:
            tokens: output of the backbone, [B, S + F·T, D].
            normalizer: mean and 1/std of the features, [2, P].
            head: weights and, in the last column, the bias, [C, P + 1].
        """
        features = (self.pool(self._adapt(tokens)) - normalizer[:1]) * normalizer[1:]
        with_bias = nn.functional.pad(features, (0, 1), value=1.0)
        return nn.functional.linear(with_bias, head), features

    def _adapt(self, x: Tensor) -> Tensor:
        if not self.placement.blocks:
            return x + self.adapters(x)
        for block, adapters in zip(self.blocks, self.adapters, strict=True):
            x = block(x, adapters)
        return self.norm(x)
