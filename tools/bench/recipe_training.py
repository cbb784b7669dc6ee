"""Tasks trained with several recipes from the same tokens, and the accuracy and cost of each training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time
from zlib import compress

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.efficiency.soup import average_parameters
from device_runtime.training.efficiency.warm_start import start_from
from device_runtime.training.engines.base import Engine
from device_runtime.training.learner import FittedTask, Learner
from device_runtime.training.methods.adapter import Trainer
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles, Floats
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from tools.bench.continual.feature_extractors import open_cache
from tools.bench.continual.tasks import Task, Windows, load_augmented_windows, load_windows

DEFAULT_RECIPE = Recipe()
DEFAULT = "default"
"""The row of the default recipe."""
MEMBERS = 3
"""Trainings with the default recipe per round, each with its own seed."""
CREATED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Training:
    """The result of one training."""

    parameters: Floats  # [n]
    seconds: float  # CPU time


@dataclass(frozen=True)
class Measurement:
    """The figures of one training."""

    name: str  # of the recipe
    task: str
    accuracy: float  # of the test recordings, 0…1
    seconds: float  # CPU time
    size_bytes: int  # of the blob
    packed_bytes: int  # of the blob compressed by zlib


@dataclass(frozen=True)
class Subject:
    """A task to be trained and tested repeatedly."""

    task: Task
    data: TrainingData
    test: Windows
    closed_form: FittedTask  # an adapter has the same keys, threshold and normalizer

    @classmethod
    def load(cls, task: Task, runtime: Runtime, engine: Engine, cache: Path) -> "Subject":
        """Load a task from the cached tokens."""
        tokens = open_cache(cache, runtime.bundle.fingerprint, runtime.window_samples)
        train = load_augmented_windows(tokens, task.train, DEFAULT_RECIPE, first_class=0)
        arrays = train.features, train.labels, train.recordings, train.augmented
        learner = Learner(runtime, engine, DEFAULT_RECIPE, 0, ignore_progress, method="prototype")
        data = learner.prepare(Dataset(*arrays, len(task.labels)))
        return cls(task, data, load_windows(tokens, task.test), learner.fit_closed_form(data, task.labels))

    def to_blob(self, parameters: Floats, runtime: Runtime) -> TaskBlob:
        """Return the task's blob with these parameters [n]."""
        fitted = replace(self.closed_form, parameters=parameters)
        return fitted.to_blob(self.task.name, CREATED, runtime.bundle.manifest)

    def compute_scores(self, parameters: Floats, runtime: Runtime) -> Doubles:
        """Compute probabilities [R, C] of the test recordings."""
        logits, _ = runtime.forward.run(self.test.features, parameters, self.data.normalizer)
        return self.test.average_per_recording(softmax(logits))

    def accuracy(self, scores: Doubles) -> float:
        """Return the share of the test recordings that scores [R, C] classify correctly."""
        return float((scores.argmax(axis=1) == self.task.truth).mean())


@dataclass
class Bench:
    """Trains subjects with several recipes."""

    runtime: Runtime
    engine: Engine
    progress: Progress
    trainings: int  # in all
    done: int = field(default=0, init=False)

    def run_round(
        self, subjects: Sequence[Subject], recipes: Sequence[Recipe], seed: int
    ) -> Iterator[Measurement]:
        """Train with the default recipe and `MEMBERS` seeds from `seed` on, with the others and `seed`."""
        members = [self._train_members(subject, seed) for subject in subjects]
        pairs = zip(subjects, members, strict=True)
        stored = [subject.to_blob(own[0].parameters, self.runtime) for subject, own in pairs]
        for subject, own in zip(subjects, members, strict=True):
            for member in own:
                yield self._measure(DEFAULT, subject, member)
            yield from self._measure_combined(subject, own)
            others = [task for task in stored if task.task != subject.task.name]
            for recipe in recipes:
                training = self._train(subject, recipe, seed, others)
                yield self._measure(recipe.to_text(), subject, training)

    def _train_members(self, subject: Subject, seed: int) -> list[Training]:
        return [self._train(subject, DEFAULT_RECIPE, seed + member, []) for member in range(MEMBERS)]

    def _train(self, subject: Subject, recipe: Recipe, seed: int, stored: Sequence[TaskBlob]) -> Training:
        """Train on all training windows for the recipe's number of epochs."""
        self.progress("training", self.done, self.trainings)
        began_s, data = process_time(), subject.data
        trainer = Trainer(self.engine, self.runtime.forward, recipe, seed, ignore_progress, stored)
        source = trainer.select_source(data, np.arange(len(data.folds)))
        data = start_from(data, source, self.runtime.forward) if source else data
        parameters = trainer.train(data, trainer.count_epochs(data.dataset))
        self.done += 1
        return Training(parameters, process_time() - began_s)

    def _measure_combined(self, subject: Subject, members: Sequence[Training]) -> Iterator[Measurement]:
        """Measure the same trainings as a soup and as an ensemble, which needs as many blobs."""
        seconds = sum(member.seconds for member in members)
        mean = Training(average_parameters([member.parameters for member in members]), seconds)
        soup = self._measure(Recipe(soup=MEMBERS).to_text(), subject, mean)
        yield soup
        scores = [subject.compute_scores(member.parameters, self.runtime) for member in members]
        yield replace(
            soup,
            name=f"(ensemble of {MEMBERS})",
            accuracy=subject.accuracy(np.mean(scores, axis=0)),
            size_bytes=MEMBERS * soup.size_bytes,
            packed_bytes=MEMBERS * soup.packed_bytes,
        )

    def _measure(self, name: str, subject: Subject, training: Training) -> Measurement:
        data = blob.to_bytes(subject.to_blob(training.parameters, self.runtime))
        accuracy = subject.accuracy(subject.compute_scores(training.parameters, self.runtime))
        packed_bytes = len(compress(data, level=9))
        return Measurement(name, subject.task.name, accuracy, training.seconds, len(data), packed_bytes)
