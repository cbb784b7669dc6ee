"""A warm start: learning begins from a copy of the adapter that another task left.

AFAF (Sokar et al. 2022, "Avoiding Forgetting and Allowing Forward Transfer in Continual Learning via Sparse
Networks") lets a new task reuse components of the most similar classes learnt before. Here the adapter of one
stored task is copied; nothing is shared, so no other blob changes.

Deviations: whole adapters instead of parts of a sparse network; the copy is trained further where AFAF
freezes what it reuses; similarity is LEEP (see `edgecl.learning.leep`) of what the stored task says
about the new one's windows, instead of the distance between class representations. The head starts from zero.
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
    stored: Sequence[TaskBlob], material: TrainingData, windows: Integers, forward: AdapterForward
) -> TaskBlob | None:
    """The stored task that says most about these windows; None where no adapter was ever trained.

    Args:
        stored: tasks of the same bundle.
        windows: indices into the material.
    """
    size = forward.adapter_size
    trained = [task for task in stored if not forward.is_identity(task.parameters[:size])]
    tokens, labels = material.dataset.tokens[windows], material.dataset.labels[windows]

    def telling(task: TaskBlob) -> float:
        logits, _ = forward.run(tokens, task.parameters, task.normalizer)
        return leep(softmax(logits), labels)

    return max(trained, key=telling, default=None)


def start_from(material: TrainingData, source: TaskBlob, forward: AdapterForward) -> TrainingData:
    """The same material, learning from which starts at a copy of the source's adapter."""
    size = forward.adapter_size
    return replace(
        material,
        initial_parameters=np.concatenate([source.parameters[:size], material.initial_parameters[size:]]),
    )
