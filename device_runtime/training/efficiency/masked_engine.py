"""An engine whose steps pass through masks: some entries of the flat vector do not move, or stay zero.

    state ─► one step of the engine ─► state ─► mask ─► mask ─► state

Masks work between steps on the parameters and both moments, so they mean the same to every engine and ask
nothing of its graph. The price is that the graph still computes every gradient: masks save no arithmetic.
What a mask is chosen by, the mean gradient of an epoch, is read from AdamW's first moment,
m' = β₁ m + (1 − β₁) g, for all entries, the masked ones too.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from device_runtime.training.engines.base import BETA1, Engine, TrainingState
from edgecl.arrays import Floats


class Mask(Protocol):
    """Which entries of the flat vector may change."""

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        """What remains of a step."""

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        """Choose again, by the parameters [n] and the mean gradient [n] of the epoch that ended.

        Args:
            done: share of all epochs, 0…1.
        """


class MaskedEngine:
    """See `device_runtime.training.engines.Engine`; without masks it is the engine inside."""

    def __init__(self, engine: Engine, masks: Sequence[Mask]) -> None:
        self.name = engine.name
        self._engine = engine
        self._masks = masks

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n], masked, and its normalizer [2, P], with a fresh optimizer."""
        zeros = np.zeros_like(parameters)
        self.resume(TrainingState(parameters, zeros, zeros, step=0), normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Go on where `state` was taken, masked."""
        self._normalizer = normalizer
        for mask in self._masks:
            state = mask.apply(state, state)
        self._engine.resume(state, normalizer)
        self._gradients, self._steps = np.zeros_like(state.parameters), 0

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Loss before one AdamW step, of which remains what the masks let through."""
        if not self._masks:
            return self._engine.step(tokens, targets, learning_rate, weight_decay)
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
        """A copy of the current parameters [n]."""
        return self._engine.parameters()

    def state(self) -> TrainingState:
        """A copy of everything needed to go on later, but for what the masks know."""
        return self._engine.state()

    def update_masks(self, done: float) -> None:
        """Let the masks choose again, at the end of an epoch; `done` is the share of all epochs, 0…1."""
        if not self._masks:
            return
        state = self._engine.state()
        mean = self._gradients / np.float32(max(1, self._steps))
        for mask in self._masks:
            mask.update(state.parameters, mean, done)
        self.resume(state, self._normalizer)
