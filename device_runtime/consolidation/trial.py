"""Measures what merging costs, on recordings that were held out.

    a fifth of each task's recordings is held out
    the others ─► each task trained again as it was ─┬─► merged ─► scored on the held-out recordings: after
                                                     └───────────► scored on the same:                before

The stored tasks cannot be compared, because they were trained on every recording.
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
    """The accuracy of one task before and after merging."""

    task: str
    before: ValidationResult
    after: ValidationResult

    @property
    def gain(self) -> float:
        """Change of the accuracy, −1…1; negative is a loss."""
        return self.after.accuracy - self.before.accuracy


@dataclass(frozen=True)
class _Trial:
    """A task trained again without its held-out recordings."""

    task: TaskBlob
    sample: Dataset  # of what it was trained on
    held_out: Dataset

    def validate(self, task: TaskBlob, forward: AdapterForward) -> ValidationResult:
        """Score a version of the task on the held-out recordings."""
        held_out = self.held_out
        logits, _ = forward.run(held_out.tokens, task.parameters, task.normalizer)
        return ValidationResult.from_windows(softmax(logits), held_out.labels, held_out.recordings)


@dataclass(frozen=True)
class MergeTrial:
    """Merges groups of tasks on trial."""

    learner: Learner
    memory: ReplayMemory
    distiller: Distiller
    task_count: int  # number of tasks that share the limit of windows, as in the real merge

    def measure(self, group: Sequence[SharedAdapter]) -> list[MergeEffect]:
        """Measure the effect of merging on each task of a group, in its order.

        Raises:
            NoTrainingSetError: too few recordings of a task are in the cache.
        """
        trials = {task.task: self._train(task) for task in list_tasks(group)}
        before = [task for shared in group for task in self._restore(shared, trials)]
        after = self._merge(before, trials)
        return [
            MergeEffect(old.task, trial.validate(old, self._forward), trial.validate(new, self._forward))
            for old, new, trial in zip(before, after, trials.values(), strict=True)
        ]

    @property
    def _forward(self) -> AdapterForward:
        return self.learner.runtime.forward

    def _train(self, task: TaskBlob) -> _Trial:
        """Train a task again by its method and recipe, with one fold held out."""
        seed, manifest = self.learner.seed, self.learner.runtime.bundle.manifest
        learner = replace(self.learner, method=read_method(task), recipe=read_recipe(task))
        with self.memory.open_dataset(task) as dataset:
            folds = assign_folds(dataset, seed)
            training = dataset.select(folds != VALIDATION_FOLD)
            held_out = dataset.select((folds == VALIDATION_FOLD) & ~dataset.augmented)
        fitted = learner.fit(learner.prepare(training), task.labels).to_blob(
            task.task, task.record.created, manifest
        )
        return _Trial(fitted, draw_sample(training, self.task_count, seed), held_out)

    def _restore(self, shared: SharedAdapter, trials: Mapping[str, _Trial]) -> list[TaskBlob]:
        """Return the trial versions of the tasks of an adapter, merged if they were merged before."""
        tasks = [trials[task.task].task for task in shared.tasks]
        return tasks if len(tasks) == 1 else self._merge(tasks, trials)

    def _merge(self, tasks: Sequence[TaskBlob], trials: Mapping[str, _Trial]) -> list[TaskBlob]:
        windows = [TaskLogits.compute(tasks, trials[task.task].sample, self._forward) for task in tasks]
        return self.distiller.distill(tasks, windows)
