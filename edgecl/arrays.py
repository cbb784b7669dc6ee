"""Array types shared by the whole code base; shapes are given in brackets where an array is used."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Floating = NDArray[np.floating[Any]]

Waveform = NDArray[np.float32]
"""Mono sound [samples], −1…1."""
Windows = NDArray[np.float32]
"""Pieces of a waveform, each as long as the backbone sees at once [N, samples]."""
Tokens = NDArray[np.float16]
"""The backbone's output grid for N windows [N, tokens, D]."""
Pcm = NDArray[np.int16]
"""Mono sound [samples] as 16-bit integers."""
