"""From examples to a task blob: no file is read and nothing is listened to here.

    tokens, labels, recordings ─► train ─► calibrate ─► blob

Who has tokens can learn: an enrolment that just listened, a correction that adds one recording to the cached
ones, a benchmark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import identity_normalizer, load_initial_parameters
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.learning_curve import CurvePoint, format_curve
from device_runtime.training.methods import Method, auto
from device_runtime.training.methods.adapter import TrainedAdapter, Trainer
from device_runtime.training.methods.closed_form import CLOSED_FORMS, ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.recipe_text import recipe_of, words_of
from device_runtime.training.rejection import Rejection, calibrate_rejection
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats
from edgecl.bundle.manifest import Manifest
from edgecl.store.blob import BlobRecord, Scalar, TaskBlob

AUTO, ADAPTER = "auto", "adapter"
METHODS = (AUTO, *CLOSED_FORMS, ADAPTER)
REQUESTED = "it was asked for"
UNCHANGED = "by it the task was learnt before"


def read_method(task: TaskBlob) -> str:
    """The method by which a task was learnt; `auto` where it does not say."""
    named = task.record.training.get("method")
    return named if isinstance(named, str) and named in METHODS else AUTO


def read_requested_method(task: TaskBlob) -> str:
    """The method that somebody chose for a task; `auto` where nobody did."""
    return read_method(task) if task.record.training.get("why") == REQUESTED else AUTO


def read_recipe(task: TaskBlob) -> Recipe:
    """The recipe that a task was learnt by."""
    words = task.record.training.get("recipe")
    return recipe_of(words.split()) if isinstance(words, str) else Recipe()


@dataclass(frozen=True)
class FittedTask:
    """What was learnt from examples."""

    labels: tuple[str, ...]  # the label of each class [C]
    method: str
    reason: str  # this method was taken
    parameters: Floats  # [n]
    normalizer: Floats  # [2, P]
    rejection: Rejection
    validation: ValidationResult  # what the method made of recordings that it had not learnt from
    training: dict[str, Scalar]  # how it was learnt, for the blob's record

    def improves_on(self, other: "FittedTask") -> bool:
        """Whether this one is to be preferred to a first lesson in closed form.

        Recordings kept aside decide: between closed forms by their loss, for an adapter by those it gains,
        unless it was asked for, or the task had one before.
        """
        if self.method == ADAPTER:
            return self.reason in (REQUESTED, UNCHANGED) or auto.is_significantly_better(
                self.validation, other.validation
            )
        return self.validation.loss < other.validation.loss

    def to_blob(
        self, task: str, created: str, manifest: Manifest, curve: Sequence[CurvePoint] = ()
    ) -> TaskBlob:
        """The task of this name that knows all of it.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.
            manifest: of the bundle it was learnt with.
            curve: what more recordings brought; it travels in the record.
        """
        record = BlobRecord(
            task=task,
            labels=self.labels,
            created=created,
            fingerprint=manifest.fingerprint,
            placement=manifest.adapter.placement,
            window_samples=manifest.geometry.window_samples,
            threshold=self.rejection.threshold,
            training={**self.training, **({"curve": format_curve(curve)} if curve else {})},
            licence=manifest.licence,
        )
        return TaskBlob(record, self.parameters, self.normalizer, self.rejection.keys)


@dataclass(frozen=True)
class Learner:
    """Learns from examples with one bundle, one engine and one recipe."""

    runtime: Runtime
    engine: Engine
    recipe: Recipe
    seed: int
    progress: Progress
    method: str = AUTO  # of METHODS
    stored: Sequence[TaskBlob] = ()  # other tasks of the same bundle, for a warm start
    reason: str = REQUESTED  # a method other than auto is taken

    def check_class_count(self, classes: int) -> None:
        """Let the engine refuse what it cannot hold, before anything is listened to.

        Raises:
            EngineError: the engine cannot hold that many classes.
        """
        self.engine.start(self._start(classes), identity_normalizer(self.runtime.bundle.manifest))

    def prepare(self, examples: Dataset) -> TrainingData:
        """Examples as every method meets them."""
        return TrainingData.from_dataset(
            examples, self.runtime.forward, self._start(examples.classes), self.seed
        )

    def fit_closed_form(self, material: TrainingData, names: Sequence[str]) -> FittedTask:
        """What there is to be learnt in seconds: a head in closed form.

        Args:
            names: the label of each class [C].
        """
        rejection = self._rejection(material, names)
        if self.method in CLOSED_FORMS:
            taken = ClosedForm.fit(self.method, material)
            return self._lesson(material, names, rejection, taken, self.reason)
        return self._lesson(material, names, rejection, *auto.fit_closed_form(material))

    def fit(self, examples: Dataset, names: Sequence[str]) -> FittedTask:
        """All that these examples teach, by the learner's method."""
        material = self.prepare(examples)
        if self.method in CLOSED_FORMS:
            return self.fit_closed_form(material, names)
        trainer = Trainer(
            self.engine, self.runtime.forward, self.recipe, self.seed, self.progress, self.stored
        )
        rejection = self._rejection(material, names)
        if self.method == ADAPTER:
            return self._lesson(material, names, rejection, trainer.fit(material), self.reason)
        return self._lesson(material, names, rejection, *auto.fit_best(material, trainer))

    def _rejection(self, material: TrainingData, names: Sequence[str]) -> Rejection:
        """Of every method; found before any is tried, since each holds memory that this needs meanwhile."""
        background = Background.load(self.runtime.bundle)
        return calibrate_rejection(background, material.embeddings, material.dataset, names)

    def _lesson(
        self, material: TrainingData, names: Sequence[str], rejection: Rejection, taken: Method, why: str
    ) -> FittedTask:
        examples, held_out = material.dataset, taken.validation
        training: dict[str, Scalar] = {
            "method": taken.name,
            "why": why,
            "engine": self.engine.name,
            "seed": self.seed,
            "threads": self.runtime.threads,
            "recordings": len(np.unique(examples.recordings)),
            "varied_windows": int(examples.augmented.sum()),
            "held_out_recordings": len(held_out.labels),
            "held_out_accuracy": held_out.accuracy,
            **({"recipe": words} if (words := words_of(self.recipe)) else {}),
            **({"started_from": source.task} if (source := _source(taken)) else {}),
        }
        return FittedTask(
            labels=tuple(names),
            method=taken.name,
            reason=why,
            parameters=taken.fit_all(),
            normalizer=material.normalizer,
            rejection=rejection,
            validation=held_out,
            training=training,
        )

    def _start(self, classes: int) -> Floats:
        return load_initial_parameters(self.runtime.bundle, classes)


def _source(taken: Method) -> TaskBlob | None:
    """The stored task whose adapter it started from."""
    return taken.source if isinstance(taken, TrainedAdapter) else None
