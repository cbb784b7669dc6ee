"""The Audio Spectrogram Transformer with FTA: waveform → tokens on a frequency × time grid.

    waveform [B, samples] → level → LogMel → stem → + positions, special tokens → blocks → final norm
                                          tokens [B, S + F·T, D]  ─ pool ─►  embedding [B, P]

Two geometries share this file: ours (mobile stem, factorised positions of any length) and plain
AST (patches, learned positions), which imported checkpoints use.
"""

from dataclasses import asdict, dataclass, field
from math import log
from typing import Any, Literal

import torch
from torch import Tensor, nn

from edgecl.bundle.manifest import FrontEnd, Pooling

from .frontend import LogMel
from .fta import dense_attention, frequency_time_attention, fta_mask
from .level import LevelNormalization
from .pooling import Pool, compute_pooled_width
from .stem import MobileStem, PatchStem

Attention = Literal["fta", "masked", "full"]
Place = Literal["beside_attention", "behind_attention", "beside_mlp"]
"""The place of an adapter in a block, see `Block`."""

DEFAULT_FRONT_END = FrontEnd(
    sample_rate_hz=16000,
    frame_samples=400,
    hop_samples=160,
    fft_samples=512,
    mel_bands=128,
    low_hz=0.0,
    high_hz=16000.0,
    preemphasis=0.97,
    floor=2.5e-6,
    shift=-4.5 - log(4.0),
    scale=5.0,
)
"""The image that the default teacher was trained on, at 16 kHz: its bands above 8 kHz are empty."""


@dataclass(frozen=True)
class AstConfig:
    """The shape of a backbone.

    `attention` selects the attention of the same weights: "fta" (factorised, exact), "masked" (dense scores
    under the FTA mask: the same function, faster to train on short windows) or "full" (all tokens attend to
    all tokens, as imported checkpoints were trained). `pooling` names the statistics of each frequency row
    over time that form the embedding, see `export.model.pooling`; `level_normalization` scales each window
    before the front end, see `export.model.level`.
    """

    front_end: FrontEnd = field(default_factory=lambda: DEFAULT_FRONT_END)
    window_samples: int = 32000
    stem: Literal["mobile", "patch"] = "mobile"
    patch: int = 16
    stride_mels: int = 16
    stride_frames: int = 16
    positions: Literal["factorized", "learned"] = "factorized"
    width: int = 192
    depth: int = 6
    heads: int = 6
    mlp_ratio: int = 4
    special_tokens: int = 1
    norm_epsilon: float = 1e-6
    attention: Attention = "fta"
    pooling: Pooling = "mean+deviation"
    level_normalization: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self) | {"front_end": self.front_end.model_dump()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AstConfig":
        """Build a config from the result of `to_dict`."""
        return cls(**(values | {"front_end": FrontEnd(**values["front_end"])}))

    @property
    def rows(self) -> int:
        """F, the number of frequency rows."""
        mels = self.front_end.mel_bands
        if self.stem == "mobile":
            return mels // MobileStem.reduced_mels
        return (mels - self.patch) // self.stride_mels + 1

    @property
    def columns(self) -> int:
        """T, the number of time columns of one window."""
        frames = (self.window_samples - self.front_end.frame_samples) // self.front_end.hop_samples + 1
        if self.stem == "mobile":
            return -(-frames // MobileStem.reduced_frames)
        return (frames - self.patch) // self.stride_frames + 1

    @property
    def column_samples(self) -> int:
        """The number of samples between two time columns."""
        frames = MobileStem.reduced_frames if self.stem == "mobile" else self.stride_frames
        return frames * self.front_end.hop_samples

    @property
    def pooled_width(self) -> int:
        """P, the width of the embedding."""
        return compute_pooled_width(self)


class SelfAttention(nn.Module):
    """Multi-head self-attention over the token grid."""

    def __init__(self, config: AstConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within tokens [B, N, D]; the shape is kept."""
        q, k, v = (self._split_heads(part) for part in self.qkv(x).split(self.config.width, dim=-1))
        return self.out(self._attend(q, k, v).transpose(1, 2).flatten(2))

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.config.heads, -1)).transpose(1, 2)  # [B, H, N, d]

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        rows, special = self.config.rows, self.config.special_tokens
        if self.config.attention == "fta":
            return frequency_time_attention(q, k, v, rows, special)
        if self.config.attention == "masked":
            mask = fta_mask(rows, (q.shape[2] - special) // rows, special).to(q.device)
            return dense_attention(q, k, v, mask)
        return dense_attention(q, k, v)


class Block(nn.Module):
    """One pre-norm transformer block, with optional adapters around its attention and its MLP.

    An adapter "beside" a layer reads the layer's input, one "behind" it the layer's output. The output of the
    adapter is added.
    """

    def __init__(self, config: AstConfig) -> None:
        super().__init__()
        hidden = config.mlp_ratio * config.width
        self.norm1 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.attention = SelfAttention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.mlp = nn.Sequential(nn.Linear(config.width, hidden), nn.GELU(), nn.Linear(hidden, config.width))

    def forward(self, x: Tensor, adapters: nn.ModuleDict | None = None) -> Tensor:
        """Transform tokens [B, N, D]; the shape is kept."""
        adapters = {} if adapters is None else adapters
        normed = self.norm1(x)
        attended = self.attention(normed)
        x = x + attended
        if "beside_attention" in adapters:
            x = x + adapters["beside_attention"](normed)
        if "behind_attention" in adapters:
            x = x + adapters["behind_attention"](attended)
        normed = self.norm2(x)
        x = x + self.mlp(normed)
        return x + adapters["beside_mlp"](normed) if "beside_mlp" in adapters else x


class FactorizedPositions(nn.Module):
    """A learned vector per frequency row plus a scaled sinusoid per time column, for any length."""

    def __init__(self, config: AstConfig) -> None:
        super().__init__()
        self.special = nn.Parameter(torch.randn(config.special_tokens, config.width) * 0.02)
        self.row = nn.Parameter(torch.randn(config.rows, 1, config.width) * 0.02)
        self.gain = nn.Parameter(torch.full((config.width,), 0.1))
        rates = torch.exp(torch.linspace(0.0, -5.0, config.width // 2, dtype=torch.float64))
        self.register_buffer("rates", rates.float(), persistent=False)

    def forward(self, grid: Tensor) -> Tensor:
        """Return tokens [B, S + F·T, D] of a stem's output [B, D, F, T]."""
        columns = torch.arange(grid.shape[3], dtype=torch.float32, device=grid.device)
        angle = columns[:, None] * self.rates
        time = torch.cat([angle.sin(), angle.cos()], dim=1) * self.gain  # [T, D]
        patches = (grid.permute(0, 2, 3, 1) + (self.row + time)).flatten(1, 2)
        special = self.special.expand(grid.shape[0], -1, -1)
        return torch.cat([special, patches], dim=1)


class LearnedPositions(nn.Module):
    """A learned vector per grid cell, as in AST; shorter inputs use the first columns."""

    def __init__(self, config: AstConfig) -> None:
        super().__init__()
        self.special = nn.Parameter(torch.zeros(config.special_tokens, config.width))
        self.cell = nn.Parameter(torch.zeros(config.rows, config.columns, config.width))

    def forward(self, grid: Tensor) -> Tensor:
        """Return tokens [B, S + F·T, D] of a stem's output [B, D, F, T]."""
        patches = grid.permute(0, 2, 3, 1) + self.cell[:, : grid.shape[3]]
        special = self.special.expand(grid.shape[0], -1, -1)
        return torch.cat([special, patches.flatten(1, 2)], dim=1)


class Ast(nn.Module):
    """The backbone: front end, stem, blocks and final norm; `stop` ends it after that many blocks.

    `pool` makes the embedding of the tokens after the last block.
    """

    def __init__(self, config: AstConfig) -> None:
        super().__init__()
        self.config = config
        self.front_end = _make_front_end(config)
        if config.stem == "mobile":
            self.stem: nn.Module = MobileStem(config.width)
        else:
            self.stem = PatchStem(config.width, config.patch, config.stride_mels, config.stride_frames)
        positions = FactorizedPositions if config.positions == "factorized" else LearnedPositions
        self.positions = positions(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.pool = Pool(config)

    def forward(self, waveform: Tensor, stop: int | None = None) -> Tensor:
        """Return tokens [B, S + F·T, D] of a waveform [B, samples] after `stop` blocks (None: all).

        The final norm is applied after the last block only.
        """
        return self.encode(self.front_end(waveform), stop)

    def encode(self, image: Tensor, stop: int | None = None) -> Tensor:
        """Return tokens of a log-mel image [B, 1, M, frames]; see `forward`."""
        return self.encode_grid(self.stem(image), stop)

    def encode_grid(self, grid: Tensor, stop: int | None = None) -> Tensor:
        """Return tokens of a stem's output [B, D, F, T]; see `forward`."""
        x = self.positions(grid)
        for block in self.blocks[:stop]:
            x = block(x)
        return self.norm(x) if stop is None or stop == self.config.depth else x


def _make_front_end(config: AstConfig) -> nn.Module:
    """Return the module from waveforms [B, samples] to log-mel images [B, 1, M, frames]."""
    log_mel = LogMel(config.front_end)
    if not config.level_normalization:
        return log_mel
    return nn.Sequential(LevelNormalization(config.column_samples), log_mel)
