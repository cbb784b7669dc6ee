"""How much what one task says about some windows tells of what another task wants to know.

LEEP, the log expected empirical prediction (Nguyen et al. 2020, "LEEP: A New Measure to Evaluate
Transferability of Learned Representations", §3): from the source's probabilities θ(x)_z and the target's
labels y follow the joint P(y, z) = 1/n Σ_{i: y_i = y} θ(x_i)_z and P(y | z) = P(y, z) / P(z), and of them

    T = 1/n Σ_i log Σ_z P(y_i | z) θ(x_i)_z        (equation 2)

It is at most 0; −log C is what guessing among C equally many classes gives.
"""

import numpy as np

from edgecl.arrays import Doubles, Integers

LEAST = 1e-12  # probability below which a source class was never meant


def leep(said: Doubles, labels: Integers) -> float:
    """The LEEP of a source that gives windows the probabilities [N, Z], for labels [N] of a target."""
    wanted = np.eye(int(labels.max()) + 1)[labels]  # [N, C]
    joint = wanted.T @ said / len(labels)  # [C, Z]
    given = joint / np.maximum(joint.sum(axis=0), LEAST)
    expected = (said @ given.T * wanted).sum(axis=1)
    return float(np.log(np.maximum(expected, LEAST)).mean())
