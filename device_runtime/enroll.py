"""From a folder of recordings to a task blob: the recipe.

    refuse what can be refused ─► windows ─► backbone ─► cache ─► train ─► calibrate ─► blob

Nothing is stored here: who calls commits the blob. Clips are decoded twice, once to be checked and once to
become windows, so that only one waveform is in memory at a time.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from device_runtime.adapter import identity_normalizer, initial_parameters
from device_runtime.backbone import Floats, Tokens
from device_runtime.bank import TokenBank
from device_runtime.cache import TokenCache
from device_runtime.engines import Engine
from device_runtime.examples import Examples
from device_runtime.intake import Intake, Recording, take_in
from device_runtime.progress import Progress
from device_runtime.recipe import Recipe
from device_runtime.runtime import Runtime
from device_runtime.stopwatch import Stopwatch
from device_runtime.trainer import Trained, Trainer
from edgecl.audio import read_clip
from edgecl.blob import BlobRecord, TaskBlob
from edgecl.calibration import distances, normalizer_of, prototypes_of, threshold_of
from edgecl.windows import clip_windows


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
class Enroller:
    """Learns tasks with one bundle, one engine and one recipe."""

    runtime: Runtime
    engine: Engine
    cache: TokenCache
    recipe: Recipe
    seed: int
    progress: Progress
    watch: Stopwatch = field(default_factory=lambda: Stopwatch("decode", "backbone", "training"))

    def learn(self, task: str, folder: Path, created: str) -> Enrolment:
        """A task of this name from a folder of classes.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.

        Raises:
            UsageError, DatasetError: the folder cannot become a task.
        """
        with self.watch("decode"):
            intake = take_in(folder, self.progress)
        with TokenBank(self.cache.folder) as bank:
            examples, from_cache = self._examples(intake, bank)
            with self.watch("training"):
                normalizer = self._normalizer(examples)
                start = initial_parameters(self.runtime.bundle, examples.classes)
                trainer = Trainer(self.engine, self.runtime.forward, self.recipe, self.seed)
                trained = trainer.train(examples, start, normalizer, self.progress)
                prototypes, threshold = self._calibrate(examples, trained, normalizer)
        self.cache.trim()
        record = self._record(task, created, intake, trained, threshold)
        counts = np.bincount(examples.labels, minlength=examples.classes)
        return Enrolment(
            blob=TaskBlob(record, trained.parameters, normalizer, prototypes),
            intake=intake,
            trained=trained,
            windows=dict(zip(intake.labels, counts.tolist(), strict=True)),
            from_cache=from_cache,
            seconds=self.watch.seconds,
            notes=[self.cache.trouble] if self.cache.trouble else [],
        )

    def _examples(self, intake: Intake, bank: TokenBank) -> tuple[Examples, int]:
        """The windows of all recordings as tokens, and how many recordings the cache knew."""
        labels: list[int] = []
        recordings: list[int] = []
        from_cache = 0
        for number, recording in enumerate(intake.recordings):
            self.progress("listening", number, len(intake.recordings))
            tokens = self.cache.get(recording.sha256)
            from_cache += tokens is not None
            if tokens is None:
                tokens = self._tokens(recording)
                self.cache.put(recording.sha256, tokens)
            bank.append(tokens)
            labels += [intake.labels.index(recording.label)] * len(tokens)
            recordings += [number] * len(tokens)
        self.progress("listening", len(intake.recordings), len(intake.recordings))
        examples = Examples(bank.tokens(), np.array(labels), np.array(recordings), len(intake.labels))
        return examples, from_cache

    def _tokens(self, recording: Recording) -> Tokens:
        """Tokens [N, tokens, D] of one recording's windows."""
        with self.watch("decode"):
            waveform = read_clip(recording.path).waveform
            windows = clip_windows(waveform, self.runtime.window_samples)
        with self.watch("backbone"):
            return self.runtime.backbone.tokens(windows)

    def _normalizer(self, examples: Examples) -> Floats:
        """The normalizer [2, P] of these windows' features before any adapter."""
        manifest = self.runtime.bundle.manifest
        untrained = initial_parameters(self.runtime.bundle, examples.classes)
        _, features = self.runtime.forward.run(examples.tokens, untrained, identity_normalizer(manifest))
        return normalizer_of(features)

    def _record(
        self, task: str, created: str, intake: Intake, trained: Trained, threshold: float
    ) -> BlobRecord:
        """What the blob says about itself."""
        manifest = self.runtime.bundle.manifest
        return BlobRecord(
            task=task,
            labels=intake.labels,
            created=created,
            fingerprint=manifest.fingerprint,
            placement=manifest.adapter.placement,
            window_samples=manifest.geometry.window_samples,
            threshold=threshold,
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

    def _calibrate(self, examples: Examples, trained: Trained, normalizer: Floats) -> tuple[Floats, float]:
        """Prototypes [C, P] under the final parameters, and the largest accepted distance.

        The distance comes from windows that the scored parameters were not trained on.
        """
        forward, labels = self.runtime.forward, examples.labels
        held_out = np.isin(examples.recordings, trained.held_out.recordings)
        _, before = forward.run(examples.tokens, trained.scored_parameters, normalizer)
        seen = prototypes_of(before[~held_out], labels[~held_out], examples.classes)
        _, features = forward.run(examples.tokens, trained.parameters, normalizer)
        threshold = threshold_of(distances(before[held_out], seen))
        return prototypes_of(features, labels, examples.classes), threshold
