"""Distils several tasks into one shared adapter and a head for each.

    every teacher on every window ─► centred logits of all teachers, concatenated ─► targets
    mean of the adapters, the teachers' heads ─► steps of an engine towards the targets ─► adapter, heads

ADA (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4) distils two adapters,
each with its head, by the double distillation of deep model consolidation (Zhang et al. 2020,
"Class-incremental Learning via Deep Model Consolidation"): on every window, whichever task it belongs to,
the student's logits over the classes of both tasks shall be the teachers', each centred. So one softmax
over all classes does no harm: within the classes of one task it is that task's own.

Deviations: softened probabilities and cross-entropy instead of squared differences of the logits, which is
what the engines' step computes and at high temperature the same (Hinton et al. 2015, "Distilling the
Knowledge in a Neural Network", §2.1); one temperature per teacher, so that a teacher with large logits does
not dominate; all teachers at once instead of two by two; the student starts at the mean of the adapters,
which all had the same start, and at the teachers' heads, instead of at random; it is trained on the tasks'
own windows from the token cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import AdapterForward, softmax
from device_runtime.recognition.adapter_pool import AdapterPool
from device_runtime.system.progress import Progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.recipe import Recipe
from device_runtime.training.schedule import Schedule
from device_runtime.training.validation import MIN_PROBABILITY
from edgecl.arrays import Floats, Integers, Tokens
from edgecl.learning.calibration import fit_normalizer
from edgecl.store.blob import TaskBlob

LOGIT_DEVIATION = 1.5
"""Standard deviation that each teacher's logits are scaled to; from 0.75 to 1.5 it hardly matters."""
EPOCHS = 8
RECIPE = Recipe(batch=16, learning_rate=1e-3, weight_decay=0.0)
MAX_WINDOWS_PER_TASK = 400
MAX_WINDOWS = 3000
"""Limit for all tasks together; their tokens then take 60 MB."""


@dataclass(frozen=True)
class TaskLogits:
    """Windows of one task, and the logits of several tasks for them."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N]
    embeddings: Floats  # [N, P]
    logits: dict[str, Floats]  # task → [N, C]

    @classmethod
    def compute(cls, tasks: Sequence[TaskBlob], dataset: Dataset, forward: AdapterForward) -> "TaskLogits":
        """Compute the logits of some tasks for the windows of a dataset."""
        embeddings = forward.compute_embeddings(dataset.tokens)
        logits = AdapterPool(forward, tasks).compute_logits(dataset.tokens, embeddings)
        by_task = {task.task: task_logits for task, task_logits in logits}
        return cls(dataset.tokens, dataset.labels, embeddings, by_task)


def draw_sample(dataset: Dataset, tasks: int, seed: int) -> Dataset:
    """Draw the windows of a task to distil on, augmented copies last.

    Args:
        dataset: of the task.
        tasks: number of tasks that share the limit of windows.
        seed: of the draw.
    """
    count = min(MAX_WINDOWS_PER_TASK, MAX_WINDOWS // tasks)
    order = np.random.default_rng(seed).permutation(len(dataset.labels))
    order = order[np.argsort(dataset.augmented[order], kind="stable")]
    return dataset.select(np.sort(order[:count]))


@dataclass(frozen=True)
class Distiller:
    """Merges tasks with one engine."""

    forward: AdapterForward
    engine: Engine
    seed: int
    progress: Progress

    def distill(self, teachers: Sequence[TaskBlob], windows: Sequence[TaskLogits]) -> list[TaskBlob]:
        """Return the same tasks with a shared adapter and normalizer.

        Args:
            teachers: the tasks to merge.
            windows: of each of them, with the logits of all of them.
        """
        normalizer = fit_normalizer(np.concatenate([one.embeddings for one in windows]))
        temperatures = {teacher.task: _temperature(teacher, windows) for teacher in teachers}
        size, heads = self.forward.adapter_size, [_convert_head(teacher, normalizer) for teacher in teachers]
        adapter = np.mean([teacher.parameters[:size] for teacher in teachers], axis=0)
        start = [adapter, *(head / one for head, one in zip(heads, temperatures.values(), strict=True))]
        self.engine.start(np.concatenate(start).astype(np.float32), normalizer)
        self._train(windows, [_make_targets(temperatures, one) for one in windows])
        adapter, *softened = np.split(self.engine.parameters(), np.cumsum([size, *map(len, heads[:-1])]))
        return [
            replace(
                teacher,
                parameters=np.concatenate([adapter, head * np.float32(temperatures[teacher.task])]),
                normalizer=normalizer,
            )
            for teacher, head in zip(teachers, softened, strict=True)
        ]

    def _train(self, windows: Sequence[TaskLogits], targets: Sequence[Floats]) -> None:
        """Train for some epochs over all windows of all tasks, in random order."""
        rng = np.random.default_rng(self.seed)
        rows = np.array([(number, row) for number, one in enumerate(targets) for row in range(len(one))])
        schedule = Schedule(RECIPE, len(rows), EPOCHS)
        for epoch in range(EPOCHS):
            self.progress("distilling", epoch, EPOCHS)
            order = rng.permutation(rows)
            for first in range(0, len(order), RECIPE.batch):
                batch = order[first : first + RECIPE.batch]
                tokens = np.stack([windows[number].tokens[row] for number, row in batch]).astype(np.float32)
                batch_targets = np.stack([targets[number][row] for number, row in batch])
                self.engine.step(tokens, batch_targets, schedule.next_rate(), RECIPE.weight_decay)
        self.progress("distilling", EPOCHS, EPOCHS)


def _make_targets(temperatures: Mapping[str, float], windows: TaskLogits) -> Floats:
    """Return distributions [N, all C] over the classes of all teachers, softened by their temperatures."""
    softened = [_centre(windows.logits[task]) / temperature for task, temperature in temperatures.items()]
    return softmax(np.concatenate(softened, axis=1)).astype(np.float32)


def _temperature(teacher: TaskBlob, windows: Sequence[TaskLogits]) -> float:
    """Return the divisor of a teacher's logits."""
    logits = np.concatenate([_centre(one.logits[teacher.task]) for one in windows])
    return max(float(logits.std()), MIN_PROBABILITY) / LOGIT_DEVIATION


def _centre(logits: Floats) -> Floats:
    """Subtract from logits [N, C] their mean over the classes."""
    centred: Floats = logits - logits.mean(axis=1, keepdims=True)
    return centred


def _convert_head(teacher: TaskBlob, normalizer: Floats) -> Floats:
    """Return the teacher's head [C · (P + 1)] for features standardised by another normalizer [2, P]."""
    (mean, inverse), (new_mean, new_inverse) = teacher.normalizer.astype(float), normalizer.astype(float)
    classes = len(teacher.labels)
    rows = teacher.parameters[-classes * (len(mean) + 1) :].reshape(classes, -1).astype(float)
    weights = rows[:, :-1] * inverse
    bias = rows[:, -1] + weights @ (new_mean - mean)
    return np.column_stack([weights / new_inverse, bias]).astype(np.float32).ravel()
