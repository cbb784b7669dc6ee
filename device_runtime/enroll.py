"""From a folder of recordings to a task blob: the recipe.

    refuse what can be refused ─► windows ─► backbone ─► cache ─► learn ─► blob

Nothing is stored here: who calls commits the blob. Clips are decoded twice, once to be checked and once to
become windows, so that only one waveform is in memory at a time.
"""

from dataclasses import dataclass, field

import numpy as np

from device_runtime.bank import TokenBank
from device_runtime.cache import TokenCache
from device_runtime.gathering import Gathering
from device_runtime.intake import Intake, take_in
from device_runtime.learner import Learner
from device_runtime.listener import Listener
from device_runtime.stopwatch import Stopwatch
from device_runtime.trainer import Trained
from edgecl.blob import TaskBlob
from edgecl.folders import LabelledFolder
from edgecl.lessons import Lessons


@dataclass(frozen=True)
class Enrolment:
    """A task that was learnt, and all there is to say about how."""

    blob: TaskBlob
    intake: Intake
    lessons: Lessons  # what it was learnt from, in the order of the recordings' numbers
    trained: Trained
    windows: dict[str, int]  # label → number of windows
    from_cache: int  # recordings whose tokens were known already
    seconds: dict[str, float]  # decode, backbone, training
    notes: list[str]


@dataclass(frozen=True)
class Enroller:
    """Learns tasks from folders."""

    learner: Learner
    cache: TokenCache
    watch: Stopwatch = field(default_factory=lambda: Stopwatch("decode", "backbone", "training"))

    def learn(self, task: str, found: LabelledFolder, created: str) -> Enrolment:
        """A task of this name from the recordings that were found.

        Args:
            created: the moment to be written into the blob, ISO 8601 in UTC.

        Raises:
            EngineError: the engine cannot hold that many classes.
            DatasetError: too few of the recordings can be used.
        """
        learner, runtime = self.learner, self.learner.runtime
        learner.demand_classes(len(found.clips))
        with self.watch("decode"):
            intake = take_in(found, runtime.rate_hz, learner.progress)
        listener = Listener(runtime, self.cache, learner.progress, self.watch)
        with TokenBank(self.cache.folder) as bank:
            gathering = Gathering(bank)
            listener.hear(intake, "enrolled", gathering)
            examples = gathering.examples(intake.labels)
            with self.watch("training"):
                lesson = learner.lesson(examples, intake.labels)
        counts = np.bincount(examples.labels, minlength=examples.classes)
        return Enrolment(
            blob=lesson.blob(task, created, runtime.bundle.manifest),
            intake=intake,
            lessons=gathering.lessons,
            trained=lesson.trained,
            windows=dict(zip(intake.labels, counts.tolist(), strict=True)),
            from_cache=listener.remembered,
            seconds=self.watch.seconds,
            notes=[trouble for trouble in (self.cache.trouble, bank.trouble) if trouble],
        )
