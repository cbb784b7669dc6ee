"""Adapter and head trained together, by gradient: epochs through an engine, measured on the first fold.

    epochs on the other folds, each measured on the first ─► how many epochs
                                     └─► once more on all recordings, for that many epochs

The adapter is AI-CL's or AAT's, as the bundle has it (see `export.model.adapters`). Of the recipe's switches,
mixup stands in `examples`, each other one in a file of its own: `data_removal`, `gradient_mask`,
`sparse_adapter`, `warm_start`, `soup`.

The learning rate ends at zero, so a run that is simply left to finish is hard to beat: an earlier epoch is
preferred only where the held-out recordings prove it better, by more than chance lets their accuracy
differ. Taking the epoch of the lowest held-out loss instead costs 1.5 to 2.5 points on six tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import AdapterForward, softmax
from device_runtime.system.progress import Progress
from device_runtime.training.batches import iterate_batches
from device_runtime.training.efficiency.data_removal import DataRemoval
from device_runtime.training.efficiency.gradient_mask import GradientMask
from device_runtime.training.efficiency.masked_engine import Mask, MaskedEngine
from device_runtime.training.efficiency.soup import average_parameters
from device_runtime.training.efficiency.sparse_adapter import SparseAdapter
from device_runtime.training.efficiency.warm_start import select_source, start_from
from device_runtime.training.engines.base import Engine
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe, Schedule
from device_runtime.training.validation import MIN_PROBABILITY, ValidationResult
from edgecl.arrays import Doubles, Floats, Integers
from edgecl.store.blob import TaskBlob

VALIDATION_FOLD = 0  # the fold that is measured
MIN_EPOCHS = 8


class EpochSelector:
    """Which epoch to take: the last that is not worse than the best one by more than chance."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._bound = 0.0
        self._taken = 0

    def accept(self, epoch: int, accuracy: float, chance: float) -> bool:
        """Whether this epoch is to be preferred to all before."""
        self._bound = max(self._bound, accuracy - chance)
        if accuracy >= self._bound:
            self._taken = epoch
        return self._taken == epoch

    def should_stop(self, epoch: int) -> bool:
        """Whether none was taken for too long."""
        return epoch - self._taken >= self._patience


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter that was tried on a task: trained once, to find out for how long."""

    validation: ValidationResult
    epochs: int
    data: TrainingData
    trainer: "Trainer"
    source: TaskBlob | None = None  # the stored task that it started from
    name: str = "adapter"

    def fit_all(self) -> Floats:
        """Adapter and head trained for as long on all windows, [n]."""
        return self.trainer.train(self.data, self.epochs)


@dataclass(frozen=True)
class Trainer:
    """Runs a recipe on an engine; measures with the forward graph that recognition will use."""

    engine: Engine
    forward: AdapterForward
    recipe: Recipe
    seed: int
    progress: Progress
    stored: Sequence[TaskBlob] = ()  # other tasks of the same bundle, for a warm start

    def fit(self, material: TrainingData) -> TrainedAdapter:
        """An adapter trained without the first fold, and what that makes of it."""
        seen = np.flatnonzero(material.folds != VALIDATION_FOLD)
        source = self.select_source(material, seen)
        if source:
            material = start_from(material, source, self.forward)
        epochs, choice, chosen = (
            self.count_epochs(material.dataset),
            EpochSelector(self.recipe.patience),
            None,
        )
        unseen = np.flatnonzero((material.folds == VALIDATION_FOLD) & ~material.dataset.augmented)
        for epoch in self._epochs(material, seen, epochs, self.seed):
            self.progress("training", epoch, epochs)
            held_out = self._measured(material, unseen)
            if choice.accept(epoch, held_out.accuracy, held_out.margin_of_error):
                chosen = TrainedAdapter(held_out, epoch, material, self, source)
            if choice.should_stop(epoch):
                break
        self.progress("training", epochs, epochs)
        assert chosen is not None  # the first epoch is always taken
        return chosen

    def train(self, material: TrainingData, epochs: int) -> Floats:
        """Parameters [n] after so many epochs over all windows, averaged over the runs of the recipe."""
        windows, runs, found = np.arange(len(material.folds)), self.recipe.soup, []
        for run in range(runs):
            for epoch in self._epochs(material, windows, epochs, self.seed + run):
                self.progress("refining", run * epochs + epoch, runs * epochs)
            found.append(self.engine.parameters())
        return average_parameters(found)

    def select_source(self, material: TrainingData, windows: Integers) -> TaskBlob | None:
        """The stored task to start from, by what it says about these windows, if the recipe wants one."""
        if not self.recipe.warm_start:
            return None
        return select_source(self.stored, material, windows, self.forward)

    def count_epochs(self, examples: Dataset) -> int:
        """Varied copies take the place of epochs, so that they cost no time."""
        return max(MIN_EPOCHS, round(self.recipe.epochs * float((~examples.augmented).mean())))

    def _epochs(self, material: TrainingData, windows: Integers, epochs: int, seed: int) -> Iterator[int]:
        """Trains on these windows from the start; gives the number of each epoch once it is done."""
        examples, rng = material.dataset, np.random.default_rng(seed)
        engine = MaskedEngine(self.engine, self._masks(material, seed))
        engine.start(material.initial_parameters, material.normalizer)
        schedule = Schedule(self.recipe, len(windows), epochs)
        removal = DataRemoval(self.recipe.data_removal, examples.labels[windows], epochs)
        for epoch in range(1, epochs + 1):
            for tokens, targets in iterate_batches(examples, windows, self.recipe, rng):
                engine.step(tokens, targets, schedule.next(), self.recipe.weight_decay)
            yield epoch
            engine.update_masks(epoch / epochs)
            if removal.is_due(epoch):
                labels, losses = examples.labels[windows], self._losses(material, windows)
                windows = removal.select_remaining(windows, labels, losses)
                schedule.over(len(windows))

    def _masks(self, material: TrainingData, seed: int) -> list[Mask]:
        """What the recipe lays over every step."""
        masks: list[Mask] = []
        if self.recipe.gradient_mask:
            masks.append(GradientMask(self.recipe.gradient_mask, material.initial_parameters.size))
        if self.recipe.sparsity:
            rng = np.random.default_rng(seed)
            masks.append(
                SparseAdapter(self.recipe.sparsity, self.forward.tensors, material.initial_parameters, rng)
            )
        return masks

    def _losses(self, material: TrainingData, windows: Integers) -> Floats:
        """−log of the probability that these windows' own classes are given now, [N]."""
        scores = self._scores(material, windows)
        own = scores[np.arange(len(windows)), material.dataset.labels[windows]]
        losses: Floats = -np.log(np.maximum(own, MIN_PROBABILITY)).astype(np.float32)
        return losses

    def _measured(self, material: TrainingData, windows: Integers) -> ValidationResult:
        """What the recordings that these windows were cut from are taken for now."""
        examples = material.dataset
        return ValidationResult.from_windows(
            self._scores(material, windows), examples.labels[windows], examples.recordings[windows]
        )

    def _scores(self, material: TrainingData, windows: Integers) -> Doubles:
        """Probabilities [N, C] of these windows now."""
        tokens, parameters = material.dataset.tokens[windows], self.engine.parameters()
        logits, _ = self.forward.run(tokens, parameters, material.normalizer)
        return softmax(logits)
