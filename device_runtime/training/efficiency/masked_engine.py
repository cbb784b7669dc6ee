"""An engine whose steps pass through masks, by which some parameters do not change or stay zero.

    state ─► one step of the engine ─► state ─► mask ─► mask ─► state

Masks change the parameters and both moments between steps, so they work with every engine and need no
support in its graph. The graph still computes every gradient, so masks save no arithmetic. The mean
gradient of an epoch, by which masks are chosen, is read from AdamW's first moment, m' = β₁ m + (1 − β₁) g,
for masked parameters as well.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from device_runtime.training.engines.base import BETA1, Engine, TrainingState
from edgecl.arrays import Floats


class Mask(Protocol):
    """A rule by which entries of the flat vector may change."""

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """Return the state after a step, as far as the mask allows it."""

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Choose the masked entries again at the end of an epoch.

        Args:
            parameters: [n].
            gradient: mean of the epoch's gradients, [n].
            done: share of all epochs, 0…1.
        """


class MaskedEngine:
    """An engine with masks, see `engines.base.Engine`."""

    def __init__(self, engine: Engine, masks: Sequence[Mask]) -> None:
        self.name = engine.name
        self._engine = engine
        self._masks = masks

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a new optimizer state."""
        zeros = np.zeros_like(parameters)
        self.resume(TrainingState(parameters, zeros, zeros, step=0), normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Continue from a saved state, as far as the masks allow it."""
        self._normalizer = normalizer
        for mask in self._masks:
            state = mask.apply(state, state)
        self._engine.resume(state, normalizer)
        self._gradients, self._steps = np.zeros_like(state.parameters), 0

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Take one AdamW step, apply the masks, and return the loss before the step."""
        before = self._engine.state()
        loss = self._engine.step(tokens, targets, learning_rate, weight_decay)
        after = self._engine.state()
        self._gradients += (after.first_moment - BETA1 * before.first_moment) / np.float32(1 - BETA1)
        self._steps += 1
        for mask in self._masks:
            after = mask.apply(before, after)
        self._engine.resume(after, self._normalizer)
        return loss

    def parameters(self) -> Floats:
        """Return a copy of the current parameters [n]."""
        return self._engine.parameters()

    def state(self) -> TrainingState:
        """Return a copy of everything that `resume` needs; the masks' own state is not part of it."""
        return self._engine.state()

    def update_masks(self, done: float) -> None:
        """Update the masks at the end of an epoch; `done` is the share of all epochs, 0…1."""
        state = self._engine.state()
        mean = self._gradients / np.float32(max(1, self._steps))
        for mask in self._masks:
            mask.update(state.parameters, mean, done)
        self.resume(state, self._normalizer)
