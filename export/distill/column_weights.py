"""The target of the pooling by attention: how much each column of a clean window holds of its sound."""

from torch import Tensor

from ..model.ast import AstConfig
from ..model.level import column_power
from ..model.pooling import LEAST_WEIGHT

RANGE_DB = 20.0
"""Below the loudest column, where the weight has fallen to its least."""
SILENCE = 1e-12  # power


def compute_column_levels(waveform: Tensor, config: AstConfig) -> Tensor:
    """Return the levels [B, T] of the columns of windows [B, samples], in dBFS."""
    power = column_power(waveform, config.column_samples)[:, : config.columns]
    return 10.0 * power.clamp(min=SILENCE).log10()


def weigh_levels(levels: Tensor, range_db: float = RANGE_DB) -> Tensor:
    """Return weights [B, T] of columns with levels [B, T] in dB, by the distance to the loudest: 0.02…1."""
    distance_db = levels - levels.amax(1, keepdim=True)
    return (1.0 + distance_db / range_db).clamp(LEAST_WEIGHT, 1.0)
