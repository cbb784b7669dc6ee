"""Several adapters become one: tasks as they are teach an adapter that they share, and a head for each.

    every teacher on every window ─► logits, each teacher's about their mean, side by side ─► targets
    mean of the adapters, teachers' heads ─► steps of an engine towards the targets ─► adapter, heads

ADA (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4) distils two adapters,
each with its head, by the double distillation of deep model consolidation (Zhang et al. 2020,
"Class-incremental Learning via Deep Model Consolidation"): on every window, whichever task it is of, the
student's logits over the classes of both shall be the teachers', each about its mean. So one softmax over all
classes does no harm: within the classes of one task it is that task's own.

Deviations: softened probabilities and cross-entropy in place of squared differences of the logits, which is
what the engines' step computes and at high temperature the same (Hinton et al. 2015, "Distilling the
Knowledge in a Neural Network", §2.1); a temperature for each teacher, lest the loudest be heard alone; all
teachers at once instead of two by two, since all are at hand; the student starts at the mean of the adapters,
which all began at the same one, and at the teachers' heads, instead of anywhere; what it is shown are the
tasks' own windows from the token cache.

Six tasks on one adapter lose a point less in this way than by targets on each task's own classes alone, and
lose no more with 400 windows of each than with all of them, varied copies included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import AdapterForward, softmax
from device_runtime.recognition.adapter_pool import AdapterPool
from device_runtime.system.progress import Progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.recipe import Recipe, Schedule
from device_runtime.training.validation import MIN_PROBABILITY
from edgecl.arrays import Floats, Integers, Tokens
from edgecl.learning.calibration import fit_normalizer
from edgecl.store.blob import TaskBlob

SPREAD = 1.5
"""Standard deviation to which each teacher's logits are brought. From 0.75 to 1.5 it hardly matters."""
EPOCHS = 8
RECIPE = Recipe(batch=16, learning_rate=1e-3, weight_decay=0.0)
MAX_WINDOWS_PER_TASK = 400
MAX_WINDOWS = 3000
"""Of all tasks together: tokens of 60 MB."""


@dataclass(frozen=True)
class TaskLogits:
    """Windows of one task, and what several tasks say about them."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N]
    embeddings: Floats  # [N, P]
    logits: dict[str, Floats]  # task → [N, C]

    @classmethod
    def compute(cls, tasks: Sequence[TaskBlob], examples: Dataset, forward: AdapterForward) -> "TaskLogits":
        """These windows, shown to these tasks."""
        embeddings = forward.compute_embeddings(examples.tokens)
        said = AdapterPool(forward, tasks).compute_logits(examples.tokens, embeddings)
        logits = {task.task: logits for task, logits in said}
        return cls(examples.tokens, examples.labels, embeddings, logits)


def draw_sample(examples: Dataset, tasks: int, seed: int) -> Dataset:
    """What is shown of a task where so many are merged: recordings as they are first, then varied copies."""
    count = min(MAX_WINDOWS_PER_TASK, MAX_WINDOWS // tasks)
    order = np.random.default_rng(seed).permutation(len(examples.labels))
    order = order[np.argsort(examples.augmented[order], kind="stable")]
    return examples.select(np.sort(order[:count]))


@dataclass(frozen=True)
class Distiller:
    """Merges tasks with one engine."""

    forward: AdapterForward
    engine: Engine
    seed: int
    progress: Progress

    def distill(self, teachers: Sequence[TaskBlob], shown: Sequence[TaskLogits]) -> list[TaskBlob]:
        """The same tasks with an adapter and a normalizer that they share.

        Args:
            shown: windows of each of them, shown to all of them.
        """
        normalizer = fit_normalizer(np.concatenate([windows.embeddings for windows in shown]))
        temperatures = {teacher.task: _temperature(teacher, shown) for teacher in teachers}
        size, heads = self.forward.adapter_size, [_head(teacher, normalizer) for teacher in teachers]
        adapter = np.mean([teacher.parameters[:size] for teacher in teachers], axis=0)
        start = [adapter, *(head / of for head, of in zip(heads, temperatures.values(), strict=True))]
        self.engine.start(np.concatenate(start).astype(np.float32), normalizer)
        self._train(shown, [_targets(temperatures, windows) for windows in shown])
        adapter, *softened = np.split(self.engine.parameters(), np.cumsum([size, *map(len, heads[:-1])]))
        return [
            replace(
                teacher,
                parameters=np.concatenate([adapter, head * np.float32(temperatures[teacher.task])]),
                normalizer=normalizer,
            )
            for teacher, head in zip(teachers, softened, strict=True)
        ]

    def _train(self, shown: Sequence[TaskLogits], targets: Sequence[Floats]) -> None:
        """Epochs over all windows of all tasks, in random order."""
        rng = np.random.default_rng(self.seed)
        rows = np.array([(number, row) for number, of in enumerate(targets) for row in range(len(of))])
        schedule = Schedule(RECIPE, len(rows), EPOCHS)
        for epoch in range(EPOCHS):
            self.progress("distilling", epoch, EPOCHS)
            order = rng.permutation(rows)
            for first in range(0, len(order), RECIPE.batch):
                batch = order[first : first + RECIPE.batch]
                tokens = np.stack([shown[number].tokens[row] for number, row in batch]).astype(np.float32)
                wanted = np.stack([targets[number][row] for number, row in batch])
                self.engine.step(tokens, wanted, schedule.next(), RECIPE.weight_decay)
        self.progress("distilling", EPOCHS, EPOCHS)


def _targets(temperatures: Mapping[str, float], shown: TaskLogits) -> Floats:
    """Distributions [N, all C] over the classes of all teachers, each softened by its temperature."""
    softened = [_centred(shown.logits[task]) / of for task, of in temperatures.items()]
    return softmax(np.concatenate(softened, axis=1)).astype(np.float32)


def _temperature(teacher: TaskBlob, shown: Sequence[TaskLogits]) -> float:
    """What a teacher's logits are to be divided by."""
    said = np.concatenate([_centred(windows.logits[teacher.task]) for windows in shown])
    return max(float(said.std()), MIN_PROBABILITY) / SPREAD


def _centred(logits: Floats) -> Floats:
    """Logits [N, C] about their mean."""
    centred: Floats = logits - logits.mean(axis=1, keepdims=True)
    return centred


def _head(teacher: TaskBlob, normalizer: Floats) -> Floats:
    """The teacher's head [C · (P + 1)] for features that are standardised by another normalizer [2, P]."""
    (mean, inverse), (new_mean, new_inverse) = teacher.normalizer.astype(float), normalizer.astype(float)
    classes = len(teacher.labels)
    rows = teacher.parameters[-classes * (len(mean) + 1) :].reshape(classes, -1).astype(float)
    weights = rows[:, :-1] * inverse
    bias = rows[:, -1] + weights @ (new_mean - mean)
    return np.column_stack([weights / new_inverse, bias]).astype(np.float32).ravel()
