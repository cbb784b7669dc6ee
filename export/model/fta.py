"""Exact Frequency-Time factorized Attention (FTA; AI-CL, Interspeech 2023, §2).

A patch attends to its own frequency row, its own time column and the special tokens (CLS), under one softmax;
a special token attends to all tokens. The tokens after the S special ones are frequency-major, so a row is a
reshape:

    [ s₀ … | row 0: t₀ t₁ … | row 1: t₀ t₁ … | … ]      N = S + F · T

The N × N score matrix is never computed. Scores of a patch are [column F | special S and row T]; the patch is
in both its column and its row, so the diagonal of the column scores is hidden.

A hidden score is lowered by 60: its weight, at most e⁻⁶⁰ of one that is visible and as high, is lost in
rounding. With −∞ a softmax computes with denormal numbers, which are slow on x86.
"""

import torch
from torch import Tensor, nn

HIDDEN = -60.0
"""Added to the scores of hidden keys."""


def dense_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Compute softmax attention [B, H, N, d] over all N keys; `mask` [N, N] is True for visible keys."""
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + HIDDEN * (~mask).to(scores.dtype)
    return scores.softmax(-1) @ v


def fta_mask(rows: int, columns: int, special: int) -> Tensor:
    """Return the attention mask of FTA, bool [N, N]: the dense reference of `frequency_time_attention`."""
    same_row = torch.eye(rows)[:, None, :, None]  # [F, 1, F, 1]
    same_column = (torch.arange(columns)[:, None] == torch.arange(columns)).float()[:, None]  # [T, 1, T]
    grid = (same_row + same_column).flatten(2, 3).flatten(0, 1)  # [F·T, F·T]
    return nn.functional.pad(grid, (special, 0, special, 0), value=1.0) > 0


def frequency_time_attention(q: Tensor, k: Tensor, v: Tensor, rows: int, special: int) -> Tensor:
    """Compute FTA of q, k, v [B, H, S + rows · T, d] with O(N · (rows + T)) scores; the shape is kept."""
    width = q.shape[-1]
    q = q * width**-0.5
    special_out = (q[:, :, :special] @ k.transpose(-1, -2)).softmax(-1) @ v

    grid_q, grid_k, grid_v = (_to_grid(x[:, :, special:], rows) for x in (q, k, v))  # [B, H, F, T, d]
    row_k = _prepend_special(k[:, :, :special], grid_k)  # [B, H, F, S + T, d]
    row_v = _prepend_special(v[:, :, :special], grid_v)
    column_k, column_v = grid_k.transpose(2, 3), grid_v.transpose(2, 3)  # [B, H, T, F, d]

    row_scores = grid_q @ row_k.transpose(-1, -2)  # [B, H, F, T, S + T]
    column_scores = grid_q.transpose(2, 3) @ column_k.transpose(-1, -2) + _diagonal_mask(rows, q)
    scores = torch.cat([column_scores.transpose(2, 3), row_scores], dim=-1).softmax(-1)

    from_column = scores[..., :rows].transpose(2, 3) @ column_v  # [B, H, T, F, d]
    from_row = scores[..., rows:] @ row_v  # [B, H, F, T, d]
    grid_out = (from_row + from_column.transpose(2, 3)).flatten(2, 3)
    return torch.cat([special_out, grid_out], dim=2)


def _diagonal_mask(rows: int, like: Tensor) -> Tensor:
    """Return `HIDDEN` on the diagonal and 0 elsewhere, [F, F]."""
    hidden = [[HIDDEN if i == j else 0.0 for j in range(rows)] for i in range(rows)]
    return torch.tensor(hidden, dtype=like.dtype, device=like.device)  # [F, F]


def _to_grid(x: Tensor, rows: int) -> Tensor:
    return x.unflatten(2, (rows, -1))


def _prepend_special(special: Tensor, grid: Tensor) -> Tensor:
    """Prepend special keys or values [B, H, S, d] to those of every row [B, H, F, T, d]."""
    repeated = special.unsqueeze(2).expand(-1, -1, grid.shape[2], -1, -1)
    return torch.cat([repeated, grid], dim=3)
