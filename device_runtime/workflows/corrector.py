"""From one recording and its true label to a corrected task. Nothing is stored here.

    training set ─► cached tokens ─────────────────────┐
    the recording ─► augmented copies ─► tokens ───────┴─► fit ─► blob

A false alarm becomes a negative of the task, a missed sound one more example of its label. The task is fitted
from the start, as at enrolment, so that held-out recordings stay held out and accuracies before and after are
comparable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from device_runtime.data.dataset import Dataset
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import Recording
from device_runtime.data.replay import replay
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.augmentation import load_augmenter
from device_runtime.recognition.recognizer import Recognizer, TaskScore
from device_runtime.training.learner import FittedTask, Learner
from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import Clip
from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.errors import DatasetError, UsageError
from edgecl.labels import join_labels
from edgecl.learning.negative_labels import find_negative, is_negative
from edgecl.store.blob import TaskBlob
from edgecl.store.training_set import TrainingClip, TrainingSet, collect_labels
from edgecl.windows import split_into_windows

COPIES = 8
"""Augmented copies of the recording, which alone is one among hundreds."""

MEASURED = ("curve", "rooms")
"""What was measured at enrolment, and one more recording hardly changes."""


@dataclass(frozen=True)
class CorrectionTarget:
    """What a recording is said to be: that it is, or is not, this label of this task."""

    task: str
    label: str
    holds: bool


@dataclass(frozen=True)
class Correction:
    """A corrected task, before and after."""

    blob: TaskBlob
    training_set: TrainingSet
    forgotten: TrainingSet  # clips of the old training set whose tokens are no longer in the cache
    clip: TrainingClip  # the recording
    before: TaskScore
    after: TaskScore
    accuracy: float  # on held-out recordings
    accuracy_before: float | None  # the same of the old version, where it is known
    margin_of_error: float  # of the accuracy
    notes: list[str]


@dataclass(frozen=True)
class Corrector:
    """Fits tasks again with one more recording."""

    learner: Learner
    cache: TokenCache

    @cached_property
    def _augmenter(self) -> Augmenter:
        return load_augmenter(self.learner.runtime.bundle)

    def correct(
        self, task: TaskBlob, training_set: TrainingSet, target: CorrectionTarget, clip: Clip, created: str
    ) -> Correction:
        """Fit a task again, a recording added with its true label.

        Args:
            task: the task to be corrected.
            training_set: what it was trained on.
            target: what the recording is said to be.
            clip: the recording.
            created: time to be written into the blob, ISO 8601 in UTC.

        Raises:
            UsageError: the task does not have the label.
            DatasetError: the recording was the only one of another label.
            ForgottenError: too little of the training set is in the cache.
        """
        label = _true_label(task, target)
        runtime = self.learner.runtime
        tokens = runtime.backbone.extract_tokens(split_into_windows(clip.waveform, runtime.window_samples))
        copies = runtime.backbone.extract_tokens(self._augmenter.augment(clip.waveform, COPIES))
        added = Recording.from_clip(clip, label).to_training_clip(len(tokens), "corrected")
        with TokenBuffer(self.cache.folder) as buffer:
            builder = DatasetBuilder(buffer)
            forgotten = replay(task.task, _without(training_set, added), self.cache, builder)
            self.cache.put(clip.sha256, tokens)
            self.cache.put(make_copies_key(clip.sha256), copies)
            builder.add(added, tokens)
            builder.add_copies(added, copies)
            labels = collect_labels(builder.training_set)
            self.learner.check_class_count(len(labels))
            fitted = self._fit(builder.build(labels), labels)
        measured = {key: task.record.training[key] for key in MEASURED if key in task.record.training}
        blob = fitted.to_blob(task.task, created, runtime.bundle.manifest, measured)
        return Correction(
            blob=blob,
            training_set=builder.training_set,
            forgotten=forgotten,
            clip=added,
            before=self._score(task, clip),
            after=self._score(blob, clip),
            accuracy=fitted.validation.accuracy,
            accuracy_before=_recorded_accuracy(task),
            margin_of_error=fitted.validation.margin_of_error,
            notes=[
                *describe_faults([(clip.path, clip.faults)]),
                *filter(None, (self.cache.warning, buffer.warning)),
            ],
        )

    def _fit(self, dataset: Dataset, labels: Sequence[str]) -> FittedTask:
        """Return the better of two fits, as at enrolment: without augmented copies, and with them.

        Copies of the corrected recording, the last one, take part in both.
        """
        corrected = dataset.recordings == dataset.recordings.max()
        plain = self.learner.prepare(dataset.select(corrected | ~dataset.augmented))
        first = self.learner.fit_closed_form(plain, labels)
        fitted = self.learner.fit(self.learner.prepare(dataset), labels)
        return fitted if fitted.improves_on(first) else first

    def _score(self, task: TaskBlob, clip: Clip) -> TaskScore:
        return Recognizer(self.learner.runtime, [task]).score_clip(clip.waveform)[0]


def _recorded_accuracy(task: TaskBlob) -> float | None:
    accuracy = task.record.training.get("held_out_accuracy")
    return accuracy if isinstance(accuracy, float) else None


def _true_label(task: TaskBlob, target: CorrectionTarget) -> str:
    """Return the class of the recording, as the target says."""
    if target.label not in task.labels:
        sounds = join_labels([label for label in task.labels if not is_negative(label)])
        raise UsageError(
            f"task '{task.task}' has no label '{target.label}'; it has {sounds}",
            f"'edgecl enroll {task.task} FOLDER --add' adds a new sound",
        )
    if target.holds:
        return target.label
    return find_negative(task.labels)


def _without(training_set: TrainingSet, corrected: TrainingClip) -> TrainingSet:
    """Return the training set without this recording, whose earlier label no longer holds.

    Raises:
        DatasetError: it was the only recording of another sound.
    """
    others = tuple(clip for clip in training_set if clip.clip_sha256 != corrected.clip_sha256)
    lost = {clip.label for clip in training_set} - {clip.label for clip in (*others, corrected)}
    for label in lost:
        if not is_negative(label):
            hint = "add others of that sound first: edgecl enroll NAME FOLDER --add"
            raise DatasetError(f"{corrected.file!r} is the only recording of '{label}'", hint)
    return others
