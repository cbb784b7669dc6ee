"""Adapter and head trained together, by gradient: epochs through an engine, measured on the first fold.

    epochs on the other folds, each measured on the first ─► how many epochs
                                     └─► once more on all recordings, for that many epochs

The adapter is AI-CL's or AAT's, as the bundle has it (see `export.model.adapters`); tokens of two windows are
mixed in the proportion of their targets (mixup, Zhang et al. 2018, equation 1, here on frozen features).

The learning rate ends at zero, so a run that is simply left to finish is hard to beat: an earlier epoch is
preferred only where the held-out recordings prove it better, by more than chance lets their accuracy
differ. Taking the epoch of the lowest held-out loss instead costs 1.5 to 2.5 points on six tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from device_runtime.adapter import AdapterForward, probabilities
from device_runtime.backbone import Floats
from device_runtime.engines import Engine
from device_runtime.examples import Integers, batches
from device_runtime.held_out import HeldOut
from device_runtime.methods.material import Material
from device_runtime.progress import Progress
from device_runtime.recipe import Recipe, Schedule

FIRST = 0  # the fold that is measured
LEAST_EPOCHS = 8


class Choice:
    """Which epoch to take: the last that is not worse than the best one by more than chance."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._bound = 0.0
        self._taken = 0

    def takes(self, epoch: int, accuracy: float, chance: float) -> bool:
        """Whether this epoch is to be preferred to all before."""
        self._bound = max(self._bound, accuracy - chance)
        if accuracy >= self._bound:
            self._taken = epoch
        return self._taken == epoch

    def gives_up(self, epoch: int) -> bool:
        """Whether none was taken for too long."""
        return epoch - self._taken >= self._patience


@dataclass(frozen=True)
class Adapter:
    """An adapter that was tried on a task: trained once, to find out for how long."""

    held_out: HeldOut
    epochs: int
    material: Material
    trainer: "Trainer"
    name: str = "adapter"

    def parameters(self) -> Floats:
        """Adapter and head trained for as long on all windows, [n]."""
        return self.trainer.trained(self.material, self.epochs)


@dataclass(frozen=True)
class Trainer:
    """Runs a recipe on an engine; measures with the forward graph that recognition will use."""

    engine: Engine
    forward: AdapterForward
    recipe: Recipe
    seed: int
    progress: Progress

    def tried(self, material: Material) -> Adapter:
        """An adapter trained without the first fold, and what that makes of it."""
        epochs, choice, chosen = self._most_epochs(material), Choice(self.recipe.patience), None
        unseen = np.flatnonzero((material.folds == FIRST) & ~material.examples.varied)
        for epoch in self._epochs(material, np.flatnonzero(material.folds != FIRST), epochs):
            self.progress("training", epoch, epochs)
            held_out = self._measured(material, unseen)
            if choice.takes(epoch, held_out.accuracy, held_out.chance):
                chosen = Adapter(held_out, epoch, material, self)
            if choice.gives_up(epoch):
                break
        self.progress("training", epochs, epochs)
        assert chosen is not None  # the first epoch is always taken
        return chosen

    def trained(self, material: Material, epochs: int) -> Floats:
        """Parameters [n] after so many epochs over all windows."""
        for epoch in self._epochs(material, np.arange(len(material.folds)), epochs):
            self.progress("refining", epoch, epochs)
        return self.engine.parameters()

    def _most_epochs(self, material: Material) -> int:
        """Varied copies take the place of epochs, so that they cost no time."""
        varied = material.examples.varied
        return max(LEAST_EPOCHS, round(self.recipe.epochs * float((~varied).mean())))

    def _epochs(self, material: Material, windows: Integers, epochs: int) -> Iterator[int]:
        """Trains on these windows from the start; gives the number of each epoch once it is done."""
        self.engine.start(material.start, material.normalizer)
        rng = np.random.default_rng(self.seed)
        schedule = Schedule(self.recipe, len(windows), epochs)
        for epoch in range(1, epochs + 1):
            for tokens, targets in batches(material.examples, windows, self.recipe, rng):
                self.engine.step(tokens, targets, schedule.next(), self.recipe.weight_decay)
            yield epoch

    def _measured(self, material: Material, windows: Integers) -> HeldOut:
        """What the recordings that these windows were cut from are taken for now."""
        examples = material.examples
        logits, _ = self.forward.run(examples.tokens[windows], self.engine.parameters(), material.normalizer)
        return HeldOut.of(probabilities(logits), examples.labels[windows], examples.recordings[windows])
