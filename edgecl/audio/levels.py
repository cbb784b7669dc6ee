"""How loud a waveform is."""

import numpy as np
from numpy.typing import NDArray

FLOOR_DBFS = -120.0
"""What digital silence is given instead of minus infinity; 24 bits reach no lower than −139 dBFS."""


def level_dbfs(waveform: NDArray[np.float32]) -> float:
    """The RMS level of a waveform [samples] without its DC; 0 is a full-scale square wave."""
    deviation = float(waveform.std(dtype=np.float64)) if waveform.size else 0.0
    return max(FLOOR_DBFS, round(20 * float(np.log10(max(deviation, 1e-9))), 1))
