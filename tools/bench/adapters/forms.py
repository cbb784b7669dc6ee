"""Ways to train the adapter and the head of a task, all from the same cached tokens.

SLDA                  the head alone, in closed form: what `auto` takes unless an adapter proves better
cross-entropy         adapter and head by gradient descent, as `--method adapter` does
… from SLDA           the same at a low rate, with a head that SLDA has fitted
episodes              the adapter by episodes (`episodes`), then SLDA
pool                  an adapter learnt by episodes from labelled audio of other classes, then SLDA
pool, episodes        the same adapter trained by the task's episodes, then SLDA
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from device_runtime.data.dataset import FOLDS, Dataset
from device_runtime.model.adapter import load_initial_parameters, softmax
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.methods.adapter import Trainer
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats
from edgecl.learning.calibration import fit_normalizer
from tools.bench.adapters.episodes import EpisodeSampler, EpisodicTrainer

SLDA = "SLDA"
LOW_RATE = 3e-5
"""Peak learning rate of an adapter whose head SLDA has fitted."""


@dataclass(frozen=True)
class Fitted:
    """A trained adapter with its head."""

    parameters: Floats  # [n]
    normalizer: Floats  # [2, P]


Form = Callable[[TrainingData], Fitted]


@dataclass(frozen=True)
class AdapterForms:
    """Trains adapters of one bundle in every form."""

    runtime: Runtime
    engine: Engine
    episodes: EpisodicTrainer
    seed: int = 0
    folds: int = FOLDS  # left out one after another, of FOLDS
    pool_adapter: Floats | None = None  # [a], learnt from labelled audio; None: those forms are left out

    def list_forms(self) -> dict[str, Form]:
        """Return the forms by name, SLDA first."""
        forms: dict[str, Form] = {
            SLDA: lambda data: self.fit_head(data, self.initial),
            "cross-entropy": self.train_by_cross_entropy,
            "cross-entropy from SLDA": self.train_from_slda,
            "episodes": lambda data: self.train_by_episodes(data, self.initial),
        }
        pool = self.pool_adapter
        if pool is not None:
            forms["pool"] = lambda data: self.fit_head(data, pool)
            forms["pool, episodes"] = lambda data: self.train_by_episodes(data, pool)
        return forms

    def prepare(self, dataset: Dataset) -> TrainingData:
        """Compute what every form needs of a dataset."""
        initial = load_initial_parameters(self.runtime.bundle, dataset.classes)
        return TrainingData.from_dataset(dataset, self.runtime.forward, initial, self.seed)

    def predict(self, fitted: Fitted, windows: Dataset) -> ValidationResult:
        """Return the scores of the recordings of windows, copies excluded."""
        own = windows.select(~windows.augmented)
        logits, _ = self.runtime.forward.run(own.tokens, fitted.parameters, fitted.normalizer)
        return ValidationResult.from_windows(softmax(logits), own.labels, own.recordings)

    def cross_validate(self, form: Form, data: TrainingData) -> ValidationResult:
        """Return the scores of recordings by a form trained without their fold; copies are not scored."""
        results = []
        for fold in range(self.folds):
            held_out = data.folds == fold
            if held_out.any():
                fitted = form(self.prepare(data.dataset.select(~held_out)))
                results.append(self.predict(fitted, data.dataset.select(held_out)))
        parts = zip(*((one.recordings, one.labels, one.scores) for one in results), strict=True)
        return ValidationResult(*map(np.concatenate, parts))

    def fit_head(self, data: TrainingData, adapter: Floats) -> Fitted:
        """Fit SLDA to the features behind an adapter [a]."""
        embeddings = self.runtime.forward.compute_features(data.dataset.tokens, adapter)
        start = np.concatenate([adapter, data.initial_parameters[adapter.size :]])
        adapted = TrainingData(data.dataset, data.folds, start, embeddings, fit_normalizer(embeddings))
        return Fitted(ClosedForm.fit("slda", adapted).fit_all(), adapted.normalizer)

    def train_by_cross_entropy(self, data: TrainingData, recipe: Recipe | None = None) -> Fitted:
        """Train adapter and head for the recipe's number of epochs."""
        trainer = Trainer(self.engine, self.runtime.forward, recipe or Recipe(), self.seed, ignore_progress)
        return Fitted(trainer.train(data, trainer.count_epochs(data.dataset)), data.normalizer)

    def train_from_slda(self, data: TrainingData) -> Fitted:
        """Train adapter and head at a low rate, from the head that SLDA fits."""
        start = self.fit_head(data, self.initial).parameters
        recipe = Recipe(learning_rate=LOW_RATE)
        return self.train_by_cross_entropy(replace(data, initial_parameters=start), recipe)

    def train_by_episodes(self, data: TrainingData, start: Floats) -> Fitted:
        """Train the adapter by episodes from `start` [a], then fit SLDA to all windows."""
        sampler = EpisodeSampler.of_dataset(data.dataset)
        return self.fit_head(data, self.episodes.train(data, sampler, start, self.seed, ignore_progress))

    @property
    def initial(self) -> Floats:
        """The adapter that changes no feature, [a]."""
        return load_initial_parameters(self.runtime.bundle, classes=0)
