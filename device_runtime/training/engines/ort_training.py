"""The engine "ort-training": onnxruntime-training's own gradient graph and AdamW, in its wheel's sessions.

The two graphs take everything as inputs (parameters, gradient buffers, moments) and write into these very
buffers. So all state is NumPy vectors that live here: filling them changes the task, copying them saves the
state. onnxruntime's Python classes for training drive the graphs in the same way, but they read from paths
instead of verified bytes, do not expose the moments, and import torch.

Shapes are fixed, with `max_classes` rows in the head. The head comes last in the flat vector [n] of a task,
so the graphs' tensors are views of that vector, extended by zeros:

    adapter tensors | head, C rows | zeros, max_classes − C rows
    └──────────── n ─────────────┘
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from device_runtime.model.session import open_session
from device_runtime.training.engines.base import ORT_TRAINING, TrainingState
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle
from edgecl.errors import EngineError

FOLDER = "ort_training"
NO_CLASS = -50.0
"""Added to the logit of a padding row, which is 0. Its probability is then negligible but, while no logit
exceeds 37, not denormal; some processors compute a hundred times slower with denormal numbers."""


@dataclass
class _Task:
    """The padded vectors that the graphs read and write, and the constants of a task."""

    size: int  # n
    normalizer: Floats  # [2, P]
    class_mask: Floats  # [max_classes]
    parameters: Floats
    gradients: Floats
    first_moment: Floats
    second_moment: Floats
    step: int


class OrtTrainingEngine:
    """Runs the bundle's ORT artifacts, see `engines.base.Engine`; the number of classes is limited."""

    name = ORT_TRAINING

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._manifest = bundle.manifest
        self._shapes = {tensor.name: tensor.shape for tensor in bundle.manifest.parameters}
        self._shapes["head"] = (bundle.manifest.max_classes, bundle.manifest.head_features + 1)
        self._gradient, self._adamw = (
            open_session(bundle.read(name), threads, memory_pattern=False, name=name)
            for name in (f"{FOLDER}/training_model.onnx", f"{FOLDER}/optimizer_model.onnx")
        )
        self._current: _Task | None = None

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a new optimizer state.

        Raises:
            EngineError: the task has more classes than the artifacts have rows.
        """
        zeros = np.zeros_like(parameters)
        self.resume(TrainingState(parameters, zeros, zeros, step=0), normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Continue from a saved state."""
        self._current = _Task(
            size=state.parameters.size,
            normalizer=normalizer.copy(),
            class_mask=self._make_class_mask(state.parameters),
            parameters=self._pad(state.parameters),
            gradients=self._pad(np.zeros(0, np.float32)),
            first_moment=self._pad(state.first_moment),
            second_moment=self._pad(state.second_moment),
            step=state.step,
        )

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Take one AdamW step on tokens [B, tokens, D] and targets [B, C]; return the loss before it."""
        task = self._require_task()
        loss = self._compute_gradients(task, tokens, targets)
        task.gradients[task.size :] = 0  # of padding rows; their squares would be denormal
        task.parameters *= np.float32(1 - learning_rate * weight_decay)  # decoupled, as in torch
        task.step += 1
        feeds = {
            "learning_rate": np.array([learning_rate], np.float32),
            "step": np.array([task.step], np.int64),
            "params": self._tensors(task.parameters),
            "gradients": self._tensors(task.gradients),
            "first_order_moments": self._tensors(task.first_moment),
            "second_order_moments": self._tensors(task.second_moment),
        }
        self._adamw.run(None, feeds)
        return loss

    def parameters(self) -> Floats:
        """Return a copy of the current parameters [n]."""
        task = self._require_task()
        return task.parameters[: task.size].copy()

    def state(self) -> TrainingState:
        """Return a copy of everything that `resume` needs."""
        task = self._require_task()
        first_moment = task.first_moment[: task.size].copy()
        second_moment = task.second_moment[: task.size].copy()
        return TrainingState(self.parameters(), first_moment, second_moment, task.step)

    def _compute_gradients(self, task: _Task, tokens: Floats, targets: Floats) -> float:
        """Write the gradients of a batch into `task.gradients` and return its loss."""
        padding = self._manifest.max_classes - self._manifest.count_classes(task.size)
        feeds = {
            "tokens": tokens,
            "normalizer": task.normalizer,
            "class_mask": task.class_mask,
            "targets": np.pad(targets, ((0, 0), (0, padding))),
            "lazy_reset_grad": np.array([True]),  # overwrite the buffers instead of adding to them
        }
        for name, value, buffer in zip(
            self._shapes, self._tensors(task.parameters), self._tensors(task.gradients), strict=True
        ):
            feeds |= {name: value, f"{name}_grad.accumulation.buffer": buffer}
        return float(self._gradient.run(None, feeds)[0])

    def _make_class_mask(self, parameters: Floats) -> Floats:
        """Return what is added to the logits so that padding rows have no effect, [max_classes]."""
        classes, limit = self._manifest.count_classes(parameters.size), self._manifest.max_classes
        if classes > limit:
            raise EngineError(
                f"this task has {classes} classes, this bundle's engine '{self.name}' holds {limit}",
                "use --engine portable, which takes any number",
            )
        mask = np.full(limit, NO_CLASS, np.float32)
        mask[:classes] = 0
        return mask

    def _pad(self, vector: Floats) -> Floats:
        """Return a copy of a vector [n] with zeros for the padding rows."""
        padded = np.zeros(sum(map(prod, self._shapes.values())), np.float32)
        padded[: vector.size] = vector
        return padded

    def _tensors(self, padded: Floats) -> list[Floats]:
        """Return views of a padded vector, one per trainable tensor."""
        ends = np.cumsum([prod(shape) for shape in self._shapes.values()])
        parts = np.split(padded, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes.values(), strict=True)]

    def _require_task(self) -> _Task:
        if self._current is None:
            raise EngineError("the training engine has no task", "start or resume one first")
        return self._current
