"""The lowest point of a smooth convex function, by L-BFGS.

Nocedal & Wright 2006, "Numerical Optimization", algorithms 7.4 (two loops over the last steps make of a
gradient the direction to go) and 3.1 (steps are halved until they go down far enough).
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from edgecl.arrays import Doubles

MEMORY = 10
MOST_STEPS = 200
NEAR = 1e-4  # share of the first gradient's largest entry at which the search ends
ENOUGH = 1e-4  # share of the promised descent that a step has to bring
SHORTEST = 1e-6

Objective = Callable[[Doubles], tuple[float, Doubles]]


def minimised(objective: Objective, start: Doubles) -> Doubles:
    """Where the objective, a point [n] → (value, gradient [n]), is lowest."""
    past: deque[tuple[Doubles, Doubles]] = deque(maxlen=MEMORY)  # moves, and what they did to the gradient
    point = start
    value, gradient = objective(point)
    enough = NEAR * np.abs(gradient).max()
    for _ in range(MOST_STEPS):
        if np.abs(gradient).max() <= enough:
            break
        direction = _direction(gradient, past)
        length = 1.0
        while True:
            move = length * direction
            lower, other = objective(point + move)
            if lower <= value + ENOUGH * float(gradient @ move) or length < SHORTEST:
                break
            length /= 2
        past.append((move, other - gradient))
        point, value, gradient = point + move, lower, other
    return point


def _direction(gradient: Doubles, past: deque[tuple[Doubles, Doubles]]) -> Doubles:
    """The gradient, bent by what the last moves showed of the curvature, downhill."""
    if not past:
        return -gradient / np.linalg.norm(gradient)
    bent, shares = gradient.copy(), []
    for move, change in reversed(past):
        shares.append(float(move @ bent) / float(move @ change))
        bent -= shares[-1] * change
    move, change = past[-1]
    bent *= (move @ change) / (change @ change)
    for (move, change), share in zip(past, reversed(shares), strict=True):
        bent += (share - float(change @ bent) / float(move @ change)) * move
    return -bent
