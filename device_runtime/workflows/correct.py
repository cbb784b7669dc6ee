"""One recording and what it truly is → the task, taught again from memory.

    lessons ─► cached tokens ─────────────┐
    the recording ─► variants ─► tokens ──┴─► learn ─► blob

"It is not that" makes the recording a negative of the task, "it is that" one more example of a label.
Learning starts from the beginning, by the recipe of every enrolment, so that what is held out was never seen
and the figures before and after mean the same. Nothing is stored here: who calls commits blob and lessons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device_runtime.data.dataset import Dataset
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import Recording
from device_runtime.data.replay import replay
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from device_runtime.recognition.recognizer import Recognizer, TaskScore
from device_runtime.training.learner import FittedTask, Learner
from device_runtime.training.learning_curve import parse_curve
from edgecl.audio.reader import Clip, read_clip
from edgecl.augmentation import augment, make_copies_key
from edgecl.errors import DatasetError, UsageError
from edgecl.learning.negative_labels import NEGATIVE, is_negative
from edgecl.store.blob import TaskBlob
from edgecl.store.training_set import TrainingClip, TrainingSet, collect_labels
from edgecl.windows import split_into_windows

COPIES = 8
"""So many times is the recording varied: alone it is one among hundreds."""


@dataclass(frozen=True)
class CorrectionTarget:
    """What somebody says about a recording: that it is, or is not, this label of this task."""

    task: str
    label: str
    holds: bool


@dataclass(frozen=True)
class CorrectionResult:
    """A task that was corrected, and what came of it."""

    blob: TaskBlob
    lessons: TrainingSet
    forgotten: TrainingSet  # what it was learnt from before and could not be taught again
    taught: TrainingClip  # the recording
    before: TaskScore
    after: TaskScore
    held_out: float  # share of the recordings kept aside that are recognised now
    chance: float  # how far that share may be off by chance
    held_out_before: float | None  # the same at the last learning, where it is known
    notes: list[str]


@dataclass(frozen=True)
class Corrector:
    """Corrects tasks."""

    learner: Learner
    cache: TokenCache

    def correct(
        self, task: TaskBlob, lessons: TrainingSet, claim: CorrectionTarget, path: Path, created: str
    ) -> CorrectionResult:
        """The task as it is once it has been told what the recording in `path` is.

        Args:
            lessons: what the task was learnt from.
            created: the moment to be written into the blob, ISO 8601 in UTC.

        Raises:
            UsageError: the task does not have the label.
            AudioError: the recording cannot be used.
            NoTrainingSetError: too little is remembered of what the task was learnt from.
        """
        label = _meant(task, claim)
        runtime = self.learner.runtime
        clip = read_clip(path, rate_hz=runtime.rate_hz)
        tokens = runtime.backbone.extract_tokens(split_into_windows(clip.waveform, runtime.window_samples))
        copies = runtime.backbone.extract_tokens(augment(clip.waveform, runtime.window_samples, COPIES))
        taught = Recording.from_clip(clip, label).to_training_clip(len(tokens), "corrected")
        with TokenBuffer(self.cache.folder) as bank:
            gathering = DatasetBuilder(bank)
            forgotten = replay(task.task, _others(lessons, taught), self.cache, gathering)
            self.cache.put(clip.sha256, tokens)
            self.cache.put(make_copies_key(clip.sha256), copies)
            gathering.add(taught, tokens)
            gathering.add_copies(taught, copies)
            names = collect_labels(gathering.training_set)
            self.learner.check_class_count(len(names))
            lesson = self._lesson(gathering.build(names), names)
        curve = parse_curve(task.record.training.get("curve"))  # one recording more does not bend it
        blob = lesson.to_blob(task.task, created, runtime.bundle.manifest, curve)
        return CorrectionResult(
            blob=blob,
            lessons=gathering.training_set,
            forgotten=forgotten,
            taught=taught,
            before=self._score(task, clip),
            after=self._score(blob, clip),
            held_out=lesson.validation.accuracy,
            chance=lesson.validation.margin_of_error,
            held_out_before=_held_out(task),
            notes=[trouble for trouble in (self.cache.warning, bank.warning) if trouble],
        )

    def _lesson(self, examples: Dataset, names: Sequence[str]) -> FittedTask:
        """The better one of two, as in an enrolment: from recordings as they are, and from copies as well.

        Of the corrected recording, the last one, copies are always there.
        """
        corrected = examples.recordings == examples.recordings.max()
        self.learner.progress("learning", 0, 1)
        plain = self.learner.prepare(examples.select(corrected | ~examples.augmented))
        first, lesson = self.learner.fit_closed_form(plain, names), self.learner.fit(examples, names)
        self.learner.progress("learning", 1, 1)
        return lesson if lesson.improves_on(first) else first

    def _score(self, task: TaskBlob, clip: Clip) -> TaskScore:
        return Recognizer(self.learner.runtime, [task]).score_clip(clip.waveform)[0]


def _held_out(task: TaskBlob) -> float | None:
    share = task.record.training.get("held_out_accuracy")
    return share if isinstance(share, float) else None


def _meant(task: TaskBlob, claim: CorrectionTarget) -> str:
    """The class that the recording belongs to, if the claim holds."""
    if claim.label not in task.labels:
        sounds = ", ".join(label for label in task.labels if not is_negative(label))
        raise UsageError(
            f"task '{task.task}' has no label '{claim.label}'; it has {sounds}",
            f"a new sound is added by 'edgecl enroll {task.task} FOLDER --add'",
        )
    if claim.holds:
        return claim.label
    return next((label for label in task.labels if is_negative(label)), NEGATIVE)


def _others(lessons: TrainingSet, corrected: TrainingClip) -> TrainingSet:
    """The lessons without this recording: what was said of it before no longer holds.

    Raises:
        DatasetError: it was the only one of another sound.
    """
    others = tuple(taught for taught in lessons if taught.clip_sha256 != corrected.clip_sha256)
    lost = {taught.label for taught in lessons} - {taught.label for taught in (*others, corrected)}
    for label in lost:
        if not is_negative(label):
            hint = "add others of that sound first: edgecl enroll NAME FOLDER --add"
            raise DatasetError(f"{corrected.file!r} is the only recording of '{label}'", hint)
    return others
