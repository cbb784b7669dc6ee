"""From examples to a task blob: no file is read and nothing is listened to here.

    tokens, labels, recordings ─► train ─► calibrate ─► blob

Who has tokens can learn: an enrolment that just listened, a correction that adds one recording to the cached
ones, a benchmark.
"""

from dataclasses import dataclass

from device_runtime.adapter import identity_normalizer, initial_parameters
from device_runtime.backbone import Floats
from device_runtime.background import Background
from device_runtime.engines import Engine
from device_runtime.examples import Examples
from device_runtime.progress import Progress
from device_runtime.recipe import Recipe
from device_runtime.rejection import Rejection, calibrated
from device_runtime.runtime import Runtime
from device_runtime.trainer import Trained, Trainer
from edgecl.blob import BlobRecord, Plain, TaskBlob
from edgecl.calibration import normalizer_of
from edgecl.manifest import Manifest


@dataclass(frozen=True)
class Lesson:
    """What was learnt from examples."""

    names: tuple[str, ...]  # the label of each class [C]
    trained: Trained
    normalizer: Floats  # [2, P]
    rejection: Rejection
    training: dict[str, Plain]  # how it was learnt, for the blob's record

    def blob(self, task: str, created: str, manifest: Manifest) -> TaskBlob:
        """The task of this name that knows all of it.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.
            manifest: of the bundle it was learnt with.
        """
        record = BlobRecord(
            task=task,
            labels=self.names,
            created=created,
            fingerprint=manifest.fingerprint,
            placement=manifest.adapter.placement,
            window_samples=manifest.geometry.window_samples,
            threshold=self.rejection.threshold,
            training=self.training,
            licence=manifest.licence,
        )
        return TaskBlob(record, self.trained.parameters, self.normalizer, self.rejection.keys)


@dataclass(frozen=True)
class Learner:
    """Learns from examples with one bundle, one engine and one recipe."""

    runtime: Runtime
    engine: Engine
    recipe: Recipe
    seed: int
    progress: Progress

    def demand_classes(self, classes: int) -> None:
        """Let the engine refuse what it cannot hold, before anything is listened to.

        Raises:
            EngineError: the engine cannot hold that many classes.
        """
        self.engine.start(self._start(classes), identity_normalizer(self.runtime.bundle.manifest))

    def lesson(self, examples: Examples, names: tuple[str, ...]) -> Lesson:
        """What these examples teach; `names` are their classes' labels [C]."""
        forward, start = self.runtime.forward, self._start(examples.classes)
        embeddings = forward.embeddings(examples.tokens)
        normalizer = normalizer_of(embeddings)
        rejection = calibrated(Background.of(self.runtime.bundle), embeddings, examples, names)
        trainer = Trainer(self.engine, forward, self.recipe, self.seed)
        trained = trainer.train(examples, start, normalizer, self.progress)
        return Lesson(names, trained, normalizer, rejection, self._training(examples, trained))

    def _start(self, classes: int) -> Floats:
        return initial_parameters(self.runtime.bundle, classes)

    def _training(self, examples: Examples, trained: Trained) -> dict[str, Plain]:
        return {
            "engine": self.engine.name,
            "seed": self.seed,
            "threads": self.runtime.threads,
            "epochs": trained.epochs,
            "recordings": len(set(examples.recordings.tolist())),
            "held_out_accuracy": trained.held_out.accuracy,
        }
