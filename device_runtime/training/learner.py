"""Fits a task to a dataset: training, calibration, and the blob. No file is read here.

    tokens, labels, recordings ─► train ─► calibrate ─► blob

It serves every caller that has tokens: an enrolment, a correction that adds one recording to the cached
ones, a benchmark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import identity_normalizer, load_initial_parameters
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.methods import auto
from device_runtime.training.methods.adapter import TrainedAdapter, Trainer
from device_runtime.training.methods.base import Method
from device_runtime.training.methods.closed_form import CLOSED_FORMS, ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.rejection import Rejection, calibrate_rejection
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats
from edgecl.bundle.manifest import Manifest
from edgecl.errors import UsageError
from edgecl.store.blob import TaskBlob
from edgecl.store.blob_record import BlobRecord, Scalar

AUTO, ADAPTER = "auto", "adapter"
METHODS = (AUTO, *CLOSED_FORMS, ADAPTER)
MAX_LOSS = 0.05
"""Accuracy on recordings as they are that a fit may lose to be right in other rooms."""
CLOSED_FORM_SETTINGS = ("windows", "copies")
"""The settings of a recipe that closed forms use."""
REQUESTED = "requested by the user"
UNCHANGED = "same method as before"
_REQUESTED = (REQUESTED, "it was asked for")  # the latter in blobs of version 0.1.0


def read_method(task: TaskBlob) -> str:
    """Return the method that a task was trained with; `auto` where its record does not say."""
    method = task.record.training.get("method")
    return method if isinstance(method, str) and method in METHODS else AUTO


def read_requested_method(task: TaskBlob) -> str:
    """Return the method that the user chose for a task; `auto` where none was chosen."""
    return read_method(task) if task.record.training.get("why") in _REQUESTED else AUTO


def read_recipe(task: TaskBlob) -> Recipe:
    """Return the recipe that a task was trained by."""
    text = task.record.training.get("recipe")
    return Recipe.parse(text.split()) if isinstance(text, str) else Recipe()


def check_recipe(recipe: Recipe, method: str) -> None:
    """Check that a closed form is given no setting that only training uses.

    Raises:
        UsageError: it is.
    """
    unused = [
        key for key in Recipe.model_fields if key in recipe.model_fields_set - set(CLOSED_FORM_SETTINGS)
    ]
    if method in CLOSED_FORMS and unused:
        raise UsageError(
            f"{method} is computed in closed form: '{recipe.format_setting(unused[0])}' has no effect on it",
            f"only {' and '.join(CLOSED_FORM_SETTINGS)} have; the others need --method adapter or auto",
        )


@dataclass(frozen=True)
class FittedTask:
    """A task fitted to a dataset."""

    labels: tuple[str, ...]  # the label of each class [C]
    method: str
    reason: str  # why this method was chosen
    parameters: Floats  # [n]
    normalizer: Floats  # [2, P]
    rejection: Rejection
    validation: ValidationResult
    copies: int  # number of windows that are augmented copies
    training: dict[str, Scalar]  # how it was trained, for the blob's record

    def improves_on(self, closed_form: "FittedTask") -> bool:
        """Return whether this fit is to replace a first fit in closed form.

        A fit with more augmented copies does, unless it recognises far fewer held-out recordings: these are
        measured as they are, and what copies are for, other rooms, is not. Without more copies only
        an adapter can replace it, by significantly more hits. An adapter that was requested, or that the task
        had before, is always taken.
        """
        if self.method == ADAPTER and self.reason in (REQUESTED, UNCHANGED):
            return True
        if self.copies > closed_form.copies:
            loss = closed_form.validation.accuracy - self.validation.accuracy
            return loss <= MAX_LOSS or not auto.is_significantly_better(
                closed_form.validation, self.validation
            )
        return self.method == ADAPTER and auto.is_significantly_better(
            self.validation, closed_form.validation
        )

    def to_blob(
        self, task: str, created: str, manifest: Manifest, measured: Mapping[str, Scalar] | None = None
    ) -> TaskBlob:
        """Return the task as a blob.

        Args:
            task: its name.
            created: time to be written into the blob, ISO 8601 in UTC.
            manifest: of the bundle it was trained with.
            measured: what else was measured of it, stored in the record.
        """
        record = BlobRecord(
            task=task,
            labels=self.labels,
            created=created,
            fingerprint=manifest.fingerprint,
            placement=manifest.adapter.placement,
            window_samples=manifest.geometry.window_samples,
            threshold=self.rejection.threshold,
            training={**self.training, **(measured or {})},
            licence=manifest.licence,
        )
        return TaskBlob(record, self.parameters, self.normalizer, self.rejection.keys)


@dataclass(frozen=True)
class Learner:
    """Fits tasks with one bundle, engine, recipe and method."""

    runtime: Runtime
    engine: Engine
    recipe: Recipe
    seed: int
    progress: Progress
    method: str = AUTO  # one of METHODS
    stored: Sequence[TaskBlob] = ()  # other tasks of the same bundle, for a warm start
    reason: str = REQUESTED  # why a method other than auto is used

    def check_class_count(self, classes: int) -> None:
        """Check that the engine can hold this many classes, before anything is computed.

        Raises:
            EngineError: it cannot.
        """
        self.engine.start(
            self._initial_parameters(classes), identity_normalizer(self.runtime.bundle.manifest)
        )

    def prepare(self, dataset: Dataset) -> TrainingData:
        """Compute what every method needs of a dataset."""
        initial = self._initial_parameters(dataset.classes)
        return TrainingData.from_dataset(dataset, self.runtime.forward, initial, self.seed)

    def fit_closed_form(self, data: TrainingData, labels: Sequence[str]) -> FittedTask:
        """Fit a head in closed form, within seconds: the requested one, otherwise that of `auto`.

        Args:
            data: of the task.
            labels: the label of each class [C].
        """
        rejection = self._calibrate_rejection(data, labels)
        if self.method in CLOSED_FORMS:
            fitted = ClosedForm.fit(self.method, data, self.progress)
            return self._finish(data, labels, rejection, fitted, self.reason)
        return self._finish(data, labels, rejection, *auto.fit_closed_form(data, self.progress))

    def fit(self, data: TrainingData, labels: Sequence[str]) -> FittedTask:
        """Fit a task by the learner's method.

        Args:
            data: of the task.
            labels: the label of each class [C].
        """
        if self.method in CLOSED_FORMS:
            return self.fit_closed_form(data, labels)
        trainer = Trainer(
            self.engine, self.runtime.forward, self.recipe, self.seed, self.progress, self.stored
        )
        rejection = self._calibrate_rejection(data, labels)
        if self.method == ADAPTER:
            return self._finish(data, labels, rejection, trainer.fit(data), self.reason)
        return self._finish(data, labels, rejection, *auto.fit_best(data, trainer))

    def _calibrate_rejection(self, data: TrainingData, labels: Sequence[str]) -> Rejection:
        """Fit keys and threshold before any method, because both need much memory."""
        background = Background.load(self.runtime.bundle)
        return calibrate_rejection(background, data.embeddings, data.dataset, labels)

    def _finish(
        self, data: TrainingData, labels: Sequence[str], rejection: Rejection, method: Method, reason: str
    ) -> FittedTask:
        """Fit the method to all recordings and record how."""
        dataset, validation = data.dataset, method.validation
        copies = int(dataset.augmented.sum())
        recipe, source = self.recipe.to_text(), _warm_start_source(method)
        training: dict[str, Scalar] = {
            "method": method.name,
            "why": reason,
            "engine": self.engine.name,
            "seed": self.seed,
            "threads": self.runtime.threads,
            "recordings": len(np.unique(dataset.recordings)),
            "varied_windows": copies,
            "held_out_recordings": len(validation.labels),
            "held_out_accuracy": validation.accuracy,
            **({"recipe": recipe} if recipe else {}),
            **({"started_from": source.task} if source else {}),
        }
        return FittedTask(
            labels=tuple(labels),
            method=method.name,
            reason=reason,
            parameters=method.fit_all(),
            normalizer=data.normalizer,
            rejection=rejection,
            validation=validation,
            copies=copies,
            training=training,
        )

    def _initial_parameters(self, classes: int) -> Floats:
        return load_initial_parameters(self.runtime.bundle, classes)


def _warm_start_source(method: Method) -> TaskBlob | None:
    """Return the stored task whose adapter the training started from."""
    return method.source if isinstance(method, TrainedAdapter) else None
