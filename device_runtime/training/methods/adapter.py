"""Trains adapter and head together by gradient descent, through an engine.

    epochs on all folds but one, each measured on that one ─► best number of epochs
                                                     └─► training on all recordings, for that number of epochs

The kind of the adapter is the bundle's (AI-CL's or AAT's, see `export.model.adapters`). Mixup is in
`training.batches`; every other optional method is in `training.efficiency`.
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
from device_runtime.training.recipe import Recipe
from device_runtime.training.schedule import Schedule
from device_runtime.training.validation import MIN_PROBABILITY, ValidationResult
from edgecl.arrays import Doubles, Floats, Integers
from edgecl.store.blob import TaskBlob

VALIDATION_FOLD = 0
MIN_EPOCHS = 8


class EpochSelector:
    """Selects the last epoch that is not significantly worse than the best one.

    The learning rate ends at zero, so the last epoch is usually best, and an earlier one is preferred only
    where validation proves it better.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._bound = 0.0  # smallest accuracy that is not significantly worse
        self._selected = 0

    def accept(self, epoch: int, accuracy: float, margin_of_error: float) -> bool:
        """Return whether this epoch replaces the one selected before.

        Args:
            epoch: 1 for the first.
            accuracy: validation accuracy, 0…1.
            margin_of_error: of the accuracy.
        """
        self._bound = max(self._bound, accuracy - margin_of_error)
        if accuracy >= self._bound:
            self._selected = epoch
        return self._selected == epoch

    def should_stop(self, epoch: int) -> bool:
        """Return whether the selected epoch lies too far back."""
        return epoch - self._selected >= self._patience


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter that was trained once with a fold held out, to find the number of epochs."""

    validation: ValidationResult
    epochs: int
    data: TrainingData
    trainer: "Trainer"
    source: TaskBlob | None = None  # the stored task of a warm start
    name: str = "adapter"

    def fit_all(self) -> Floats:
        """Train adapter and head on all windows for the same number of epochs; return the parameters [n]."""
        return self.trainer.train(self.data, self.epochs)


@dataclass(frozen=True)
class Trainer:
    """Trains by a recipe on an engine; validation runs the forward graph that recognition uses."""

    engine: Engine
    forward: AdapterForward
    recipe: Recipe
    seed: int
    progress: Progress
    stored: Sequence[TaskBlob] = ()  # other tasks of the same bundle, for a warm start

    def fit(self, data: TrainingData) -> TrainedAdapter:
        """Train with the validation fold held out and select the number of epochs by it."""
        training = np.flatnonzero(data.folds != VALIDATION_FOLD)
        held_out = np.flatnonzero((data.folds == VALIDATION_FOLD) & ~data.dataset.augmented)
        source = self.select_source(data, training)
        if source:
            data = start_from(data, source, self.forward)
        epochs, selector, selected = (
            self.count_epochs(data.dataset),
            EpochSelector(self.recipe.patience),
            None,
        )
        for epoch in self._train_epochs(data, training, epochs, self.seed):
            self.progress("training", epoch, epochs)
            validation = self._validate(data, held_out)
            if selector.accept(epoch, validation.accuracy, validation.margin_of_error):
                selected = TrainedAdapter(validation, epoch, data, self, source)
            if selector.should_stop(epoch):
                break
        self.progress("training", epochs, epochs)
        assert selected is not None  # the first epoch is always accepted
        return selected

    def train(self, data: TrainingData, epochs: int) -> Floats:
        """Train on all windows and return the parameters [n], averaged over the recipe's number of runs."""
        windows, runs, trained = np.arange(len(data.folds)), self.recipe.soup, []
        for run in range(runs):
            for epoch in self._train_epochs(data, windows, epochs, self.seed + run):
                self.progress("refining", run * epochs + epoch, runs * epochs)
            trained.append(self.engine.parameters())
        return average_parameters(trained)

    def select_source(self, data: TrainingData, windows: Integers) -> TaskBlob | None:
        """Return the stored task to start from, judged by these windows, if the recipe has a warm start."""
        if not self.recipe.warm_start:
            return None
        return select_source(self.stored, data, windows, self.forward)

    def count_epochs(self, dataset: Dataset) -> int:
        """Return the largest number of epochs; augmented copies reduce it, so that they cost no time."""
        return max(MIN_EPOCHS, round(self.recipe.epochs * float((~dataset.augmented).mean())))

    def _train_epochs(self, data: TrainingData, windows: Integers, epochs: int, seed: int) -> Iterator[int]:
        """Train from the initial parameters on these windows; yield the number of each finished epoch."""
        dataset, rng = data.dataset, np.random.default_rng(seed)
        masks = self._make_masks(data, seed)
        masked = MaskedEngine(self.engine, masks) if masks else None
        engine = masked or self.engine
        engine.start(data.initial_parameters, data.normalizer)
        schedule = Schedule(self.recipe, len(windows), epochs)
        removal = DataRemoval(self.recipe.data_removal, dataset.labels[windows], epochs)
        for epoch in range(1, epochs + 1):
            for tokens, targets in iterate_batches(dataset, windows, self.recipe, rng):
                engine.step(tokens, targets, schedule.next_rate(), self.recipe.weight_decay)
            yield epoch
            if masked:
                masked.update_masks(epoch / epochs)
            if removal.is_due(epoch):
                labels, losses = dataset.labels[windows], self._compute_losses(data, windows)
                windows = removal.select_remaining(windows, labels, losses)
                schedule.set_windows(len(windows))

    def _make_masks(self, data: TrainingData, seed: int) -> list[Mask]:
        """Make the masks that the recipe asks for."""
        masks: list[Mask] = []
        if self.recipe.gradient_mask:
            masks.append(GradientMask(self.recipe.gradient_mask, data.initial_parameters.size))
        if self.recipe.sparsity:
            rng = np.random.default_rng(seed)
            start = data.initial_parameters
            masks.append(SparseAdapter(self.recipe.sparsity, self.forward.tensors, start, rng))
        return masks

    def _compute_losses(self, data: TrainingData, windows: Integers) -> Floats:
        """Return the present cross-entropy of each of these windows, [N]."""
        scores = self._compute_scores(data, windows)
        own = scores[np.arange(len(windows)), data.dataset.labels[windows]]
        losses: Floats = -np.log(np.maximum(own, MIN_PROBABILITY)).astype(np.float32)
        return losses

    def _validate(self, data: TrainingData, windows: Integers) -> ValidationResult:
        """Return the present result for the recordings of these windows."""
        dataset = data.dataset
        return ValidationResult.from_windows(
            self._compute_scores(data, windows), dataset.labels[windows], dataset.recordings[windows]
        )

    def _compute_scores(self, data: TrainingData, windows: Integers) -> Doubles:
        """Return the present class probabilities of these windows, [N, C]."""
        tokens, parameters = data.dataset.tokens[windows], self.engine.parameters()
        logits, _ = self.forward.run(tokens, parameters, data.normalizer)
        return softmax(logits)
