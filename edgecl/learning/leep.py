"""LEEP, a measure of transferability from one task to another.

The log expected empirical prediction (Nguyen et al. 2020, "LEEP: A New Measure to Evaluate Transferability of
Learned Representations", §3): with the source's probabilities θ(x)_z and the target's labels y, the joint is
P(y, z) = 1/n Σ_{i: y_i = y} θ(x_i)_z, the conditional P(y | z) = P(y, z) / P(z), and

    T = 1/n Σ_i log Σ_z P(y_i | z) θ(x_i)_z        (equation 2)

T is at most 0; guessing among C equally frequent classes gives −log C.
"""

import numpy as np

from edgecl.arrays import Doubles, Integers

MIN_PROBABILITY = 1e-12  # avoids division by zero and log 0


def leep(probabilities: Doubles, labels: Integers) -> float:
    """Return the LEEP of a source task for a target task.

    Args:
        probabilities: The source's class probabilities for N windows, [N, Z].
        labels: The target's labels of the windows, [N].
    """
    one_hot = np.eye(int(labels.max()) + 1)[labels]  # [N, C]
    joint = one_hot.T @ probabilities / len(labels)  # [C, Z]
    conditional = joint / np.maximum(joint.sum(axis=0), MIN_PROBABILITY)
    expected = (probabilities @ conditional.T * one_hot).sum(axis=1)
    return float(np.log(np.maximum(expected, MIN_PROBABILITY)).mean())
