"""From a folder of recordings to a task blob: the recipe.

    refuse what can be refused ─► windows ─► backbone ─► cache ─► train ─► calibrate ─► blob

Nothing is stored here: who calls commits the blob. Clips are decoded twice, once to be checked and once to
become windows, so that only one waveform is in memory at a time.
"""

from dataclasses import dataclass, field

import numpy as np

from device_runtime.adapter import identity_normalizer, initial_parameters
from device_runtime.backbone import Floats
from device_runtime.bank import TokenBank
from device_runtime.cache import TokenCache
from device_runtime.engines import Engine
from device_runtime.examples import Examples
from device_runtime.intake import Intake, take_in
from device_runtime.listener import Listener
from device_runtime.progress import Progress
from device_runtime.recipe import Recipe
from device_runtime.rejection import Rejection, calibrated
from device_runtime.runtime import Runtime
from device_runtime.stopwatch import Stopwatch
from device_runtime.trainer import Trained, Trainer
from edgecl.blob import BlobRecord, TaskBlob
from edgecl.calibration import normalizer_of
from edgecl.folders import LabelledFolder


@dataclass(frozen=True)
class Enrolment:
    """A task that was learnt, and all there is to say about how."""

    blob: TaskBlob
    intake: Intake
    trained: Trained
    windows: dict[str, int]  # label → number of windows
    from_cache: int  # recordings whose tokens were known already
    seconds: dict[str, float]  # decode, backbone, training
    notes: list[str]


@dataclass(frozen=True)
class _Lesson:
    """What training left behind."""

    trained: Trained
    normalizer: Floats  # [2, P]
    rejection: Rejection


@dataclass(frozen=True)
class Enroller:
    """Learns tasks with one bundle, one engine and one recipe."""

    runtime: Runtime
    engine: Engine
    cache: TokenCache
    recipe: Recipe
    seed: int
    progress: Progress
    watch: Stopwatch = field(default_factory=lambda: Stopwatch("decode", "backbone", "training"))

    def learn(self, task: str, found: LabelledFolder, created: str) -> Enrolment:
        """A task of this name from the recordings that were found.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.

        Raises:
            EngineError: the engine cannot hold that many classes.
            DatasetError: too few of the recordings can be used.
        """
        self._demand_classes(len(found.clips))
        with self.watch("decode"):
            intake = take_in(found, self.runtime.rate_hz, self.progress)
        listener = Listener(self.runtime, self.cache, self.progress, self.watch)
        with TokenBank(self.cache.folder) as bank:
            examples = listener.examples(intake, bank)
            with self.watch("training"):
                lesson = self._lesson(examples, intake.labels)
        counts = np.bincount(examples.labels, minlength=examples.classes)
        return Enrolment(
            blob=self._blob(task, created, intake, lesson),
            intake=intake,
            trained=lesson.trained,
            windows=dict(zip(intake.labels, counts.tolist(), strict=True)),
            from_cache=listener.remembered,
            seconds=self.watch.seconds,
            notes=[trouble for trouble in (self.cache.trouble, bank.trouble) if trouble],
        )

    def _demand_classes(self, classes: int) -> None:
        """Let the engine refuse what it cannot hold, before anything is decoded."""
        start = initial_parameters(self.runtime.bundle, classes)
        self.engine.start(start, identity_normalizer(self.runtime.bundle.manifest))

    def _lesson(self, examples: Examples, names: tuple[str, ...]) -> _Lesson:
        """Parameters learnt from these windows, and how near a window has to be to count as known."""
        forward = self.runtime.forward
        start = initial_parameters(self.runtime.bundle, examples.classes)
        untouched = identity_normalizer(self.runtime.bundle.manifest)
        normalizer = normalizer_of(forward.run(examples.tokens, start, untouched)[1])
        trainer = Trainer(self.engine, forward, self.recipe, self.seed)
        trained = trainer.train(examples, start, normalizer, self.progress)
        return _Lesson(trained, normalizer, calibrated(forward, examples, trained, normalizer, names))

    def _blob(self, task: str, created: str, intake: Intake, lesson: _Lesson) -> TaskBlob:
        """All of it, with what the blob says about itself."""
        manifest, trained = self.runtime.bundle.manifest, lesson.trained
        record = BlobRecord(
            task=task,
            labels=intake.labels,
            created=created,
            fingerprint=manifest.fingerprint,
            placement=manifest.adapter.placement,
            window_samples=manifest.geometry.window_samples,
            threshold=lesson.rejection.threshold,
            training={
                "engine": self.engine.name,
                "seed": self.seed,
                "threads": self.runtime.threads,
                "epochs": trained.epochs,
                "recordings": len(intake.recordings),
                "held_out_accuracy": trained.held_out.accuracy,
            },
            licence=manifest.licence,
        )
        return TaskBlob(record, trained.parameters, lesson.normalizer, lesson.rejection.prototypes)
