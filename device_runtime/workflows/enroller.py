"""From a folder of recordings to a task blob. Nothing is stored here.

    check the files ─► windows ─► backbone ─► token cache ─► closed form ─► first blob, after seconds
                                                  │
                     augmented copies ─► backbone ─► cache ─► method ─► second blob, where it is better
                                                                │
                                       held-out recordings ─► three rooms ─► how many are detected

Clips are decoded twice, once to be checked and once to become windows, so that few waveforms are in memory at
a time: one more than there are threads, and two that are being decoded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, KnownRecordings, ingest_recordings
from device_runtime.data.replay import replay
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from device_runtime.data.token_extractor import TokenExtractor
from device_runtime.system.timing import Stopwatch
from device_runtime.training.learner import FittedTask, Learner
from device_runtime.training.learning_curve import CurvePoint, format_curve, measure_learning_curve
from device_runtime.workflows.held_out_rooms import measure_held_out_rooms
from device_runtime.workflows.rooms import RoomScore, format_rooms
from edgecl.audio.faults import describe_faults
from edgecl.dataset_folder import LabelledFolder
from edgecl.learning.negative_labels import find_negative
from edgecl.store.blob import TaskBlob
from edgecl.store.blob_record import Scalar
from edgecl.store.training_set import Origin, TrainingSet, collect_labels

STAGES = ("decode", "backbone", "varying", "training", "advice")
"""Keys of `Enrolment.seconds`."""


@dataclass(frozen=True)
class Enrolment:
    """A task fitted to recordings, and how it was fitted."""

    blob: TaskBlob
    ingest: IngestResult
    training_set: TrainingSet  # in the order of the recordings' numbers
    fitted: FittedTask
    first: FittedTask  # the first fit: a closed form, cross-validated over every recording
    curve: list[CurvePoint]  # learning curve of that closed form
    rooms: list[RoomScore]  # held-out recordings in three rooms; empty for a first version
    from_cache: int  # recordings whose tokens were in the cache
    seconds: dict[str, float]  # by stage, see STAGES
    notes: list[str]


@dataclass(frozen=True)
class Enroller:
    """Fits tasks to folders of recordings."""

    learner: Learner
    cache: TokenCache
    stopwatch: Stopwatch = field(default_factory=lambda: Stopwatch(*STAGES))

    def fit(
        self, task: str, found: LabelledFolder, created: str, known: TrainingSet = ()
    ) -> Iterator[Enrolment]:
        """Fit a task to the recordings of a folder, step by step.

        Args:
            task: name of the task.
            found: the recordings of each class.
            created: time to be written into the blob, ISO 8601 in UTC.
            known: the training set so far, which stays part of it.

        Yields:
            The first version, in closed form and ready within seconds; then, only where it is better, the
            version fitted by the learner's method with augmented copies; then that version with what it
            detects in other rooms, where enough recordings can be held out to measure that.

        Raises:
            EngineError: the engine cannot hold that many classes.
            DatasetError: too few of the recordings can be used.
            ForgottenError: too little of the known training set is in the cache.
        """
        learner, runtime, progress = self.learner, self.learner.runtime, self.learner.progress
        labels = tuple(sorted({*found.clips, *collect_labels(known)}))
        learner.check_class_count(len(labels))
        with self.stopwatch("decode"):
            ingest = ingest_recordings(found, runtime.rate_hz, progress, self._known_recordings(known))
        extractor = TokenExtractor(runtime, self.cache, progress, self.stopwatch)
        with TokenBuffer(self.cache.folder) as buffer:
            builder = DatasetBuilder(buffer)
            forgotten = replay(task, _without_new(known, ingest), self.cache, builder)
            origin: Origin = "added" if known else "enrolled"
            ingest = extractor.extract(ingest, origin, find_negative(labels), builder)
            labels = collect_labels(builder.training_set)
            learner.check_class_count(len(labels))
            with self.stopwatch("training"):
                data = learner.prepare(builder.build(labels))
                first = learner.fit_closed_form(data, labels)
            with self.stopwatch("advice"):
                curve = measure_learning_curve(data, first.method, first.validation, progress)
            del data  # tens of megabytes with thousands of recordings, which the second fit takes as well

            def enrolment(fitted: FittedTask, rooms: list[RoomScore]) -> Enrolment:
                measured: dict[str, Scalar] = {"curve": format_curve(curve)}
                if rooms:
                    measured["rooms"] = format_rooms(rooms)
                return Enrolment(
                    blob=fitted.to_blob(task, created, runtime.bundle.manifest, measured),
                    ingest=ingest,
                    training_set=builder.training_set,
                    fitted=fitted,
                    first=first,
                    curve=curve,
                    rooms=rooms,
                    from_cache=extractor.from_cache,
                    seconds=self.stopwatch.seconds,
                    notes=[
                        *ingest.notes,
                        *describe_faults((one.path, one.faults) for one in ingest.recordings),
                        *_describe_backgrounds(builder.training_set),
                        *filter(None, (self.cache.warning, buffer.warning, _forgotten_note(forgotten))),
                    ],
                )

            yield enrolment(first, [])
            extractor.augment(ingest, learner.recipe.count_copies(builder.window_count), builder)
            with self.stopwatch("training"):
                data = learner.prepare(builder.build(labels))
                # A copy: the matrices that it computes would otherwise be kept beside those of the rooms.
                fitted = learner.fit(replace(data), labels)
            if fitted.improves_on(first):
                yield enrolment(fitted, [])
                with self.stopwatch("advice"):
                    rooms = measure_held_out_rooms(
                        learner, data, labels, builder.training_set, ingest.recordings, created
                    )
                if rooms:
                    yield enrolment(fitted, rooms)

    def _known_recordings(self, known: TrainingSet) -> KnownRecordings:
        cached = {clip.clip_sha256: clip.label for clip in known if self.cache.has(clip.clip_sha256)}
        return KnownRecordings(collect_labels(known), cached)


def _without_new(known: TrainingSet, ingest: IngestResult) -> TrainingSet:
    """Return the known training set without the recordings that are in the folder, too."""
    new = {key for recording in ingest.recordings for key in (recording.sha256, recording.background_key)}
    return tuple(clip for clip in known if clip.clip_sha256 not in new)


def _describe_backgrounds(training_set: TrainingSet) -> Iterator[str]:
    """Yield a sentence on the recordings that hold more than their sound."""
    found = [clip for clip in training_set if clip.origin == "background"]
    if found:
        count = f"{len(found)} recordings" if len(found) > 1 else f"{found[0].file!r}"
        yield (
            f"the sound fills only a part of {count}: what is around it counts as '{found[0].label}', "
            "which is never an answer"
        )


def _forgotten_note(forgotten: TrainingSet) -> str:
    count = len(forgotten)
    return f"{count} recordings of the training set are no longer in the cache" if count else ""
