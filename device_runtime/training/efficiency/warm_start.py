"""Warm start: training begins from a copy of another task's adapter.

AFAF (Sokar et al. 2022, "Avoiding Forgetting and Allowing Forward Transfer in Continual Learning via Sparse
Networks") lets a new task reuse components of the most similar classes learnt before. Here the adapter of one
stored task is copied; nothing is shared, so no other blob changes.

Deviations: whole adapters instead of parts of a sparse network; the copy is trained further where AFAF
freezes what it reuses; similarity is LEEP (see `edgecl.learning.leep`) from the stored task's outputs to
the new labels, instead of the distance between class representations. The head starts from zero.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from device_runtime.model.adapter import AdapterForward, softmax
from device_runtime.training.methods.features import TrainingData
from edgecl.arrays import Integers
from edgecl.learning.leep import leep
from edgecl.store.blob import TaskBlob


def select_source(
    stored: Sequence[TaskBlob], data: TrainingData, windows: Integers, forward: AdapterForward
) -> TaskBlob | None:
    """Return the stored task whose outputs predict the labels best; None where no adapter was ever trained.

    Args:
        stored: tasks of the same bundle.
        data: of the new task.
        windows: indices of the windows to judge by.
        forward: the adapter's forward graph.
    """
    size = forward.adapter_size
    trained = [task for task in stored if not forward.is_identity(task.parameters[:size])]
    tokens, labels = data.dataset.tokens[windows], data.dataset.labels[windows]

    def similarity(task: TaskBlob) -> float:
        logits, _ = forward.run(tokens, task.parameters, task.normalizer)
        return leep(softmax(logits), labels)

    return max(trained, key=similarity, default=None)


def start_from(data: TrainingData, source: TaskBlob, forward: AdapterForward) -> TrainingData:
    """Return the same data with a copy of the source's adapter as the start of training."""
    size = forward.adapter_size
    initial = np.concatenate([source.parameters[:size], data.initial_parameters[size:]])
    return replace(data, initial_parameters=initial)
