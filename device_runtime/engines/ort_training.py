"""The engine "ort-training": onnxruntime-training's own gradient graph and AdamW, in its wheel's sessions.

The two graphs take everything as inputs (parameters, gradient buffers, moments) and write into those very
buffers. So all state is NumPy arrays that live here: a task is swapped by filling them, stopped and resumed
by copying them. onnxruntime's Python classes for training drive the graphs in the same way, but they read
from paths instead of verified bytes, keep the moments to themselves, and import torch.
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from device_runtime.engines import ORT_TRAINING, Floats, TrainingState
from device_runtime.session import open_session
from edgecl.errors import EngineError

if TYPE_CHECKING:
    from edgecl.bundle import Bundle

HEAD = "head"
NO_CLASS = -1e9  # added to the logit of a padding row: its probability is 0
Tensors = dict[str, Floats]


@dataclass
class _Task:
    """What the graphs read and write; every tensor has its padded, fixed shape."""

    classes: int
    normalizer: Floats  # [2, P]
    class_mask: Floats  # [max_classes]
    parameters: Tensors
    gradients: Tensors
    first_moment: Tensors
    second_moment: Tensors
    step: int


class OrtTrainingEngine:
    """Trains one task at a time with at most as many classes as the artifacts have rows."""

    name = ORT_TRAINING

    def __init__(self, bundle: "Bundle", threads: int) -> None:
        self._manifest = bundle.manifest
        self._shapes = {tensor.name: tensor.shape for tensor in bundle.manifest.parameters}
        self._shapes[HEAD] = (bundle.manifest.max_classes, bundle.manifest.head_features + 1)
        self._gradient = open_session(
            bundle.read("ort_training/training_model.onnx"), threads, memory_pattern=False
        )
        self._adamw = open_session(
            bundle.read("ort_training/optimizer_model.onnx"), threads, memory_pattern=False
        )
        self._task: _Task | None = None

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a fresh optimizer."""
        zeros = np.zeros_like(parameters)
        self.resume(TrainingState(parameters, zeros, zeros, 0), normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Go on exactly where `state` was taken."""
        classes = self._manifest.classes_of(state.parameters.size)
        self._check_classes(classes)
        self._task = _Task(
            classes=classes,
            normalizer=np.array(normalizer, np.float32),
            class_mask=np.where(np.arange(self._manifest.max_classes) < classes, 0, NO_CLASS).astype(
                np.float32
            ),
            parameters=self._padded(state.parameters),
            gradients={name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()},
            first_moment=self._padded(state.first_moment),
            second_moment=self._padded(state.second_moment),
            step=state.step,
        )

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Loss before one AdamW step on tokens [B, N, D] and target distributions [B, C]."""
        task = self._current()
        loss = self._backward(task, tokens, targets)
        for parameter in task.parameters.values():  # decoupled decay, as torch does it
            np.multiply(parameter, np.float32(1 - learning_rate * weight_decay), out=parameter)
        task.step += 1
        self._adamw.run(
            None,
            {
                "learning_rate": np.array([learning_rate], np.float32),
                "step": np.array([task.step], np.int64),
                "params": list(task.parameters.values()),
                "gradients": list(task.gradients.values()),
                "first_order_moments": list(task.first_moment.values()),
                "second_order_moments": list(task.second_moment.values()),
            },
        )
        return loss

    def parameters(self) -> Floats:
        """A copy of the current parameters [n]."""
        return self._flat(self._current().parameters)

    def gradients(self) -> Floats:
        """A copy of the last step's gradients [n]."""
        return self._flat(self._current().gradients)

    def state(self) -> TrainingState:
        """A copy of everything needed to go on later."""
        task = self._current()
        return TrainingState(
            self._flat(task.parameters),
            self._flat(task.first_moment),
            self._flat(task.second_moment),
            task.step,
        )

    def _backward(self, task: _Task, tokens: Floats, targets: Floats) -> float:
        """Loss of a batch; its gradients are then in `task.gradients`."""
        if targets.shape[1] != task.classes:
            raise EngineError(f"the targets have {targets.shape[1]} classes, the task has {task.classes}")
        missing = self._manifest.max_classes - task.classes
        feeds = {
            "tokens": tokens,
            "normalizer": task.normalizer,
            "class_mask": task.class_mask,
            "targets": np.pad(targets, ((0, 0), (0, missing))),
            "lazy_reset_grad": np.array([True]),
            **task.parameters,
            **{f"{name}_grad.accumulation.buffer": buffer for name, buffer in task.gradients.items()},
        }
        return float(self._gradient.run(None, feeds)[0])

    def _padded(self, flat: Floats) -> Tensors:
        """Tensors of the graphs' shapes from a flat vector [n], padding rows of the head being zero."""
        tensors, start = {}, 0
        for name, shape in self._shapes.items():
            tensor = np.zeros(shape, np.float32)
            values = flat[start : start + prod(shape)]  # the head comes last and may have fewer rows
            tensor.reshape(-1)[: values.size] = values
            tensors[name] = tensor
            start += values.size
        return tensors

    def _flat(self, tensors: Tensors) -> Floats:
        """The flat vector [n] of the graphs' tensors, without the head's padding rows."""
        real = [
            *(tensors[name] for name in self._shapes if name != HEAD),
            tensors[HEAD][: self._current().classes],
        ]
        return np.concatenate([tensor.reshape(-1) for tensor in real])

    def _current(self) -> _Task:
        if self._task is None:
            raise EngineError("the training engine has no task", "start or resume one first")
        return self._task

    def _check_classes(self, classes: int) -> None:
        if classes > self._manifest.max_classes:
            raise EngineError(
                f"this task has {classes} classes, the bundle's ort-training artifacts hold "
                f"{self._manifest.max_classes}",
                "use --engine portable, which takes any number",
            )
