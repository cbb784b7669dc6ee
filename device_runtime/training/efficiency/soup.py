"""Model soup: the parameters of several trainings, averaged.

Wortsman et al. 2022, "Model soups", §2: the uniform soup is the mean of the parameters of models fine-tuned
from the same start, (1/k) Σ θᵢ. Recognition costs as much as with one of them. An ensemble, the mean of
their probabilities, would cost k times as much and does not fit into a blob.

Deviation: the trainings differ in their seed alone, and none is left out for being worse.
"""

from collections.abc import Sequence

import numpy as np

from edgecl.arrays import Floats


def average_parameters(trained: Sequence[Floats]) -> Floats:
    """Return the mean of parameter vectors [n]."""
    return np.asarray(np.mean(np.stack(trained), axis=0, dtype=np.float64), np.float32)
