"""Enrolment of the tasks with the product, at default settings."""

from device_runtime.api.device import Device
from device_runtime.api.inputs import as_folder
from device_runtime.system.progress import Progress
from tools.bench.room.material import Task

HALF = "_half"
"""Suffix of the tasks that are enrolled with every second label, so that the others are unknown to them."""


def select_half(task: Task) -> Task:
    """Return the task with every second label."""
    return task.select(tuple(task.train)[::2], task.name + HALF)


def enrol(device: Device, tasks: list[Task], progress: Progress) -> None:
    """Enrol tasks."""
    for number, task in enumerate(tasks):
        progress(f"enrolling {task.name}", number, len(tasks))
        device.enroll(task.name, task.train)
    progress("enrolling", len(tasks), len(tasks))


def measure_offline_accuracy(device: Device, task: Task) -> float:
    """Return the share (0…1) of whole test recordings with the right label, as `edgecl evaluate` does."""
    with as_folder(task.test, None) as folder:
        return device.evaluate(task.name, folder).evaluation.accuracy
