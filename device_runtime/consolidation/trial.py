"""What merging would cost, asked of recordings that nothing had learnt from.

    a fifth of each task's recordings is kept aside
    the rest ─► each task learnt again, in the way it was ─┬─► merged ─► asked for what was kept aside: after
                                                           └───────────► asked for the same:           before

The tasks as they are cannot tell: they have learnt from every recording, and what is merged would be taught
by them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from device_runtime.consolidation.distillation import Distiller, TaskLogits, draw_sample
from device_runtime.data.dataset import Dataset, assign_folds
from device_runtime.data.replay import ReplayMemory
from device_runtime.model.adapter import AdapterForward, softmax
from device_runtime.recognition.adapter_pool import SharedAdapter, list_tasks
from device_runtime.training.learner import Learner, read_method, read_recipe
from device_runtime.training.methods.adapter import VALIDATION_FOLD
from device_runtime.training.validation import ValidationResult
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class MergeEffect:
    """What becomes of one task."""

    task: str
    before: ValidationResult
    after: ValidationResult

    @property
    def gain(self) -> float:
        """By how much the share of recordings that are recognised grows; less than 0: a loss."""
        return self.after.accuracy - self.before.accuracy


@dataclass(frozen=True)
class _Trial:
    """A task learnt again without some of its recordings."""

    learnt: TaskBlob
    seen: Dataset  # a sample of what it learnt from
    unseen: Dataset

    def asked(self, task: TaskBlob, forward: AdapterForward) -> ValidationResult:
        """What a version of the task makes of what was kept aside."""
        unseen = self.unseen
        logits, _ = forward.run(unseen.tokens, task.parameters, task.normalizer)
        return ValidationResult.from_windows(softmax(logits), unseen.labels, unseen.recordings)


@dataclass(frozen=True)
class MergeTrial:
    """Tries groups of tasks."""

    learner: Learner
    memory: ReplayMemory
    distiller: Distiller
    sharing: int  # tasks among which windows are divided, as where they are not on trial

    def measure(self, group: Sequence[SharedAdapter]) -> list[MergeEffect]:
        """What would become of each task of a group, in its order.

        Raises:
            NoTrainingSetError: too little is remembered of one of them.
        """
        trials = {task.task: self._trial(task) for task in list_tasks(group)}
        before = [task for member in group for task in self._as_they_are(member, trials)]
        after = self._merged(before, trials)
        return [
            MergeEffect(had.task, trial.asked(had, self._forward), trial.asked(has, self._forward))
            for had, has, trial in zip(before, after, trials.values(), strict=True)
        ]

    @property
    def _forward(self) -> AdapterForward:
        return self.learner.runtime.forward

    def _trial(self, task: TaskBlob) -> _Trial:
        seed, manifest = self.learner.seed, self.learner.runtime.bundle.manifest
        learner = replace(self.learner, method=read_method(task), recipe=read_recipe(task))
        with self.memory.open_dataset(task) as examples:
            folds = assign_folds(examples, seed)
            seen = examples.select(folds != VALIDATION_FOLD)
            unseen = examples.select((folds == VALIDATION_FOLD) & ~examples.augmented)
        learnt = learner.fit(seen, task.labels).to_blob(task.task, task.record.created, manifest)
        return _Trial(learnt, draw_sample(seen, self.sharing, seed), unseen)

    def _as_they_are(self, member: SharedAdapter, trials: Mapping[str, _Trial]) -> list[TaskBlob]:
        """The tasks of a member as tried, merged where they were merged before."""
        learnt = [trials[task.task].learnt for task in member.tasks]
        return learnt if len(learnt) == 1 else self._merged(learnt, trials)

    def _merged(self, tasks: Sequence[TaskBlob], trials: Mapping[str, _Trial]) -> list[TaskBlob]:
        shown = [TaskLogits.compute(tasks, trials[task.task].seen, self._forward) for task in tasks]
        return self.distiller.distill(tasks, shown)
