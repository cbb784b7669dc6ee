"""From a folder of recordings to a task blob: the recipe.

    refuse what can be refused ─► windows ─► backbone ─► cache ─► closed form ─► blob, at once
                                                 │
                          varied copies ─► backbone ─► cache ─► learn ─► blob, where it is better

Nothing is stored here: who calls commits the blobs. Clips are decoded twice, once to be checked and once to
become windows, so that only one waveform is in memory at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, KnownRecordings, ingest_recordings
from device_runtime.data.replay import replay
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from device_runtime.data.token_extractor import TokenExtractor
from device_runtime.system.timing import Stopwatch
from device_runtime.training.learner import FittedTask, Learner
from device_runtime.training.learning_curve import CurvePoint, measure_learning_curve
from edgecl.dataset_folder import LabelledFolder
from edgecl.store.blob import TaskBlob
from edgecl.store.training_set import TrainingSet, collect_labels

STAGES = ("decode", "backbone", "varying", "training", "advice")


@dataclass(frozen=True)
class Enrolment:
    """A task that was learnt, and all there is to say about how."""

    blob: TaskBlob
    intake: IngestResult
    lessons: TrainingSet  # what it was learnt from, in the order of the recordings' numbers
    lesson: FittedTask
    first: FittedTask  # what was had at once: a closed form, of which every recording was asked
    curve: list[CurvePoint]  # what more recordings brought that form
    from_cache: int  # recordings whose tokens were known already
    seconds: dict[str, float]  # by stage
    notes: list[str]


@dataclass(frozen=True)
class Enroller:
    """Learns tasks from folders."""

    learner: Learner
    cache: TokenCache
    watch: Stopwatch = field(default_factory=lambda: Stopwatch(*STAGES))

    def learn(
        self, task: str, found: LabelledFolder, created: str, known: TrainingSet = ()
    ) -> Iterator[Enrolment]:
        """A task of this name from the recordings that were found: first what can be had in seconds, then,
        where it is better, what closer learning makes of them.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.
            known: what it was learnt from so far, and is to be learnt from further on.

        Raises:
            EngineError: the engine cannot hold that many classes.
            DatasetError: too few of the recordings can be used.
            NoTrainingSetError: too little of what is known is remembered.
        """
        learner, runtime = self.learner, self.learner.runtime
        names = tuple(sorted({*found.clips, *collect_labels(known)}))
        learner.check_class_count(len(names))
        with self.watch("decode"):
            intake = ingest_recordings(found, runtime.rate_hz, learner.progress, self._known(known))
        listener = TokenExtractor(runtime, self.cache, learner.progress, self.watch)
        with TokenBuffer(self.cache.folder) as bank:
            gathering = DatasetBuilder(bank)
            forgotten = replay(task, _besides(intake, known), self.cache, gathering)
            listener.extract(intake, "added" if known else "enrolled", gathering)
            learner.progress("fitting", 0, 1)
            with self.watch("training"):
                material = learner.prepare(gathering.build(names))
                first = learner.fit_closed_form(material, names)
            with self.watch("advice"):
                curve = measure_learning_curve(material, first.method, first.validation)
            learner.progress("fitting", 1, 1)

            def enrolment(lesson: FittedTask) -> Enrolment:
                return Enrolment(
                    blob=lesson.to_blob(task, created, runtime.bundle.manifest, curve),
                    intake=intake,
                    lessons=gathering.training_set,
                    lesson=lesson,
                    first=first,
                    curve=curve,
                    from_cache=listener.from_cache,
                    seconds=self.watch.seconds,
                    notes=[note for note in (self.cache.warning, bank.warning, _missed(forgotten)) if note],
                )

            yield enrolment(first)
            listener.augment(intake, learner.recipe.count_copies(gathering.window_count), gathering)
            learner.progress("learning", 0, 1)
            with self.watch("training"):
                lesson = learner.fit(gathering.build(names), names)
            learner.progress("learning", 1, 1)
            if lesson.improves_on(first):
                yield enrolment(lesson)

    def _known(self, lessons: TrainingSet) -> KnownRecordings:
        remembered = {
            taught.clip_sha256: taught.label for taught in lessons if self.cache.has(taught.clip_sha256)
        }
        return KnownRecordings(collect_labels(lessons), remembered)


def _besides(intake: IngestResult, known: TrainingSet) -> TrainingSet:
    """What is known from before, without the recordings that are heard now."""
    heard = {recording.sha256 for recording in intake.recordings}
    return tuple(taught for taught in known if taught.clip_sha256 not in heard)


def _missed(forgotten: TrainingSet) -> str:
    count = len(forgotten)
    return f"{count} of the recordings it was learnt from are no longer remembered" if count else ""
