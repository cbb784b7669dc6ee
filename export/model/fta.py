"""Frequency-Time factorized Attention (AI-CL, Interspeech 2023, §2), exactly.

A patch attends to its own frequency row, its own time column and the special tokens (CLS), all under
one softmax; a special token attends to everything. Tokens are frequency-major behind the S special
ones, so a row is a plain reshape:

    [ s₀ … | row 0: t₀ t₁ … | row 1: t₀ t₁ … | … ]      N = S + F · T

The N × N score matrix is never formed. Scores of a patch are [column F | special S and row T]; the
patch stands in both its column and its row, so the column's diagonal is −∞ and it counts once.
"""

import torch
from torch import Tensor, nn

NEGATIVE_INFINITY = float("-inf")


def dense_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax attention [B, H, N, d] over all N keys; `mask` [N, N] is True where a key may be seen."""
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, NEGATIVE_INFINITY)
    return scores.softmax(-1) @ v


def fta_mask(rows: int, columns: int, special: int) -> Tensor:
    """Who may see whom under FTA, bool [N, N]: the dense reference of `factorized_attention`."""
    same_row = torch.eye(rows)[:, None, :, None]  # [F, 1, F, 1]
    same_column = (torch.arange(columns)[:, None] == torch.arange(columns)).float()[:, None]  # [T, 1, T]
    grid = (same_row + same_column).flatten(2, 3).flatten(0, 1)  # [F·T, F·T]
    return nn.functional.pad(grid, (special, 0, special, 0), value=1.0) > 0


def factorized_attention(q: Tensor, k: Tensor, v: Tensor, rows: int, special: int) -> Tensor:
    """FTA of q, k, v [B, H, S + rows · T, d] → the same shape, in O(N · (rows + T)) scores."""
    width = q.shape[-1]
    q = q * width**-0.5
    special_out = (q[:, :, :special] @ k.transpose(-1, -2)).softmax(-1) @ v

    grid_q, grid_k, grid_v = (_to_grid(x[:, :, special:], rows) for x in (q, k, v))  # [B, H, F, T, d]
    row_k = _behind_special(k[:, :, :special], grid_k)  # [B, H, F, S + T, d]
    row_v = _behind_special(v[:, :, :special], grid_v)
    column_k, column_v = grid_k.transpose(2, 3), grid_v.transpose(2, 3)  # [B, H, T, F, d]

    row_scores = grid_q @ row_k.transpose(-1, -2)  # [B, H, F, T, S + T]
    column_scores = grid_q.transpose(2, 3) @ column_k.transpose(-1, -2) + _but_itself(rows, q)
    scores = torch.cat([column_scores.transpose(2, 3), row_scores], dim=-1).softmax(-1)

    from_column = scores[..., :rows].transpose(2, 3) @ column_v  # [B, H, T, F, d]
    from_row = scores[..., rows:] @ row_v  # [B, H, F, T, d]
    grid_out = (from_row + from_column.transpose(2, 3)).flatten(2, 3)
    return torch.cat([special_out, grid_out], dim=2)


def _but_itself(rows: int, like: Tensor) -> Tensor:
    hidden = [[NEGATIVE_INFINITY if i == j else 0.0 for j in range(rows)] for i in range(rows)]
    return torch.tensor(hidden, dtype=like.dtype, device=like.device)  # [F, F]


def _to_grid(x: Tensor, rows: int) -> Tensor:
    return x.unflatten(2, (rows, -1))


def _behind_special(special: Tensor, grid: Tensor) -> Tensor:
    """Special keys or values [B, H, S, d] prepended to those of every row [B, H, F, T, d]."""
    repeated = special.unsqueeze(2).expand(-1, -1, grid.shape[2], -1, -1)
    return torch.cat([repeated, grid], dim=3)
