"""Tasks trained by one recipe after the other, from the same tokens, and what each training is worth."""

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
from device_runtime.training.recipe_text import words_of
from edgecl.arrays import Doubles, Floats
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from tools.bench.continual.feature_extractors import memory_of
from tools.bench.continual.tasks import Task, Windows, recall, recall_varied

USUAL = Recipe()
MEMBERS = 3
"""Trainings of the usual recipe in a round, each with a seed of its own."""
CREATED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Training:
    """What came of training once."""

    parameters: Floats  # [n]
    seconds: float  # of a processor


@dataclass(frozen=True)
class Figure:
    """What a training is worth."""

    name: str  # of the recipe
    task: str
    accuracy: float  # of the test recordings, 0…1
    seconds: float  # of a processor
    size_bytes: int  # of the blob
    packed_bytes: int  # of the same, by zlib


@dataclass(frozen=True)
class Subject:
    """A task to be trained and asked, over and over."""

    task: Task
    material: TrainingData
    test: Windows
    lesson: FittedTask  # in closed form; its keys, threshold and normalizer are an adapter's, too

    @classmethod
    def of(cls, task: Task, runtime: Runtime, engine: Engine, memory: Path) -> "Subject":
        """A task, from what was heard."""
        tokens = memory_of(memory, runtime.bundle.fingerprint, runtime.window_samples)
        heard = recall_varied(tokens, task.train, USUAL, first_class=0)
        examples = Dataset(heard.heard, heard.labels, heard.recordings, heard.varied, len(task.labels))
        learner = Learner(runtime, engine, USUAL, 0, ignore_progress, method="prototype")
        material = learner.prepare(examples)
        return cls(task, material, recall(tokens, task.test), learner.fit_closed_form(material, task.labels))

    def blob(self, parameters: Floats, runtime: Runtime) -> TaskBlob:
        """The task with these parameters [n]."""
        lesson = replace(self.lesson, parameters=parameters)
        return lesson.to_blob(self.task.name, CREATED, runtime.bundle.manifest)

    def scores(self, parameters: Floats, runtime: Runtime) -> Doubles:
        """Probabilities [R, C] of the test recordings."""
        logits, _ = runtime.forward.run(self.test.heard, parameters, self.material.normalizer)
        return self.test.of_recordings(softmax(logits))

    def accuracy(self, scores: Doubles) -> float:
        """Share of the test recordings that are recognised by scores [R, C]."""
        return float((scores.argmax(axis=1) == self.task.truth).mean())


@dataclass
class Bench:
    """Trains subjects."""

    runtime: Runtime
    engine: Engine
    progress: Progress
    trainings: int  # that are to come
    done: int = field(default=0, init=False)

    def round(self, subjects: Sequence[Subject], recipes: Sequence[Recipe], seed: int) -> Iterator[Figure]:
        """The usual recipe with seeds `seed` to `seed + MEMBERS − 1`, the others with the first of them."""
        members = [self._members(subject, seed) for subject in subjects]
        pairs = zip(subjects, members, strict=True)
        stored = [subject.blob(own[0].parameters, self.runtime) for subject, own in pairs]
        for subject, own in zip(subjects, members, strict=True):
            for member in own:
                yield self._figure("as usual", subject, member)
            yield from self._together(subject, own)
            others = [task for task in stored if task.task != subject.task.name]
            for recipe in recipes:
                training = self._trained(subject, recipe, seed, others)
                yield self._figure(words_of(recipe), subject, training)

    def _members(self, subject: Subject, seed: int) -> list[Training]:
        return [self._trained(subject, USUAL, seed + member, []) for member in range(MEMBERS)]

    def _trained(self, subject: Subject, recipe: Recipe, seed: int, stored: Sequence[TaskBlob]) -> Training:
        """As long as the recipe says, on all windows to learn from."""
        self.progress("training", self.done, self.trainings)
        started, material = process_time(), subject.material
        trainer = Trainer(self.engine, self.runtime.forward, recipe, seed, ignore_progress, stored)
        source = trainer.select_source(material, np.arange(len(material.folds)))
        material = start_from(material, source, self.runtime.forward) if source else material
        parameters = trainer.train(material, trainer.count_epochs(material.dataset))
        self.done += 1
        return Training(parameters, process_time() - started)

    def _together(self, subject: Subject, members: Sequence[Training]) -> Iterator[Figure]:
        """The same trainings as a soup and as an ensemble, which takes as many blobs."""
        seconds = sum(member.seconds for member in members)
        mean = Training(average_parameters([member.parameters for member in members]), seconds)
        one = self._figure(words_of(Recipe(soup=MEMBERS)), subject, mean)
        yield one
        scores = [subject.scores(member.parameters, self.runtime) for member in members]
        yield replace(
            one,
            name=f"(ensemble of {MEMBERS})",
            accuracy=subject.accuracy(np.mean(scores, axis=0)),
            size_bytes=MEMBERS * one.size_bytes,
            packed_bytes=MEMBERS * one.packed_bytes,
        )

    def _figure(self, name: str, subject: Subject, training: Training) -> Figure:
        data = blob.to_bytes(subject.blob(training.parameters, self.runtime))
        accuracy = subject.accuracy(subject.scores(training.parameters, self.runtime))
        packed_bytes = len(compress(data, level=9))
        return Figure(name, subject.task.name, accuracy, training.seconds, len(data), packed_bytes)
