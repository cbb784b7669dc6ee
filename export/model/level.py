"""Level normalisation of a window: without DC, its loudest column at −20 dBFS, by a bounded gain.

A sound 20 dB softer has another mel image, and tasks are used at other distances than they were recorded at.
The level is that of the loudest column, so that a short sound gets the gain of a long one. The gain is
bounded: silence stays far below every sound, and digital silence stays digital silence.
"""

from torch import Tensor, nn

TARGET_DBFS = -20.0  # RMS
MIN_GAIN_DB, MAX_GAIN_DB = -20.0, 35.0


class LevelNormalization(nn.Module):
    """Scale windows so that the loudest of their columns has an RMS level of −20 dBFS."""

    def __init__(self, column_samples: int) -> None:
        """Set the length of a column.

        Args:
            column_samples: samples between two time columns of the token grid.
        """
        super().__init__()
        self.column_samples = column_samples

    def forward(self, waveform: Tensor) -> Tensor:
        """Return waveforms [B, samples] without their mean, scaled by −20…+35 dB; zeros stay zeros."""
        centred = waveform - waveform.mean(1, keepdim=True)
        loudest = column_power(centred, self.column_samples).amax(1, keepdim=True)
        target_power = 10.0 ** (TARGET_DBFS / 10)
        lowest, highest = (10.0 ** (gain_db / 10) for gain_db in (MIN_GAIN_DB, MAX_GAIN_DB))
        gain = (target_power / loudest.clamp(min=target_power / highest)).clamp(min=lowest).sqrt()
        return centred * gain


def column_power(waveform: Tensor, column_samples: int) -> Tensor:
    """Return the mean square [B, T] of each column of waveforms [B, samples]; the last one may be shorter."""
    squares = (waveform * waveform)[:, None]
    pooled = nn.functional.avg_pool1d(squares, column_samples, ceil_mode=True, count_include_pad=False)
    return pooled[:, 0]
