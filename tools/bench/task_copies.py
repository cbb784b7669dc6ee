"""More tasks than anybody enrolled: an enrolled one under other names."""

from dataclasses import replace

import numpy as np

from edgecl.arrays import Floats
from edgecl.store.blob import TaskBlob


def renamed(task: TaskBlob, name: str) -> TaskBlob:
    """The same task, called otherwise."""
    return replace(task, record=task.record.model_copy(update={"task": name}))


def with_adapter(task: TaskBlob, adapter: Floats) -> TaskBlob:
    """The task with another adapter [a] before its head."""
    return replace(task, parameters=np.concatenate([adapter, task.parameters[adapter.size :]]))


def another(task: TaskBlob, number: int, adapter_size: int) -> TaskBlob:
    """The task under another name, its adapter a little different from all others."""
    adapter = task.parameters[:adapter_size] * np.float32(1 + number / 1000)
    return with_adapter(renamed(task, f"{task.task} {number}"), adapter)
