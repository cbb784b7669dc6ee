"""Copies of an enrolled task under other names, for measurements with many tasks."""

from dataclasses import replace

import numpy as np

from edgecl.arrays import Floats
from edgecl.store.blob import TaskBlob


def rename_task(task: TaskBlob, name: str) -> TaskBlob:
    """Return the task under another name."""
    return replace(task, record=task.record.model_copy(update={"task": name}))


def replace_adapter(task: TaskBlob, adapter: Floats) -> TaskBlob:
    """Return the task with another adapter [a] before its head."""
    return replace(task, parameters=np.concatenate([adapter, task.parameters[adapter.size :]]))


def copy_task(task: TaskBlob, number: int, adapter_size: int) -> TaskBlob:
    """Return the task under another name, with a slightly different adapter for every number."""
    adapter = task.parameters[:adapter_size] * np.float32(1 + number / 1000)
    return replace_adapter(rename_task(task, f"{task.task} {number}"), adapter)
