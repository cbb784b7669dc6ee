"""Few-shot curves: accuracy after learning a task from 1, 2, 4 … clips of each class, in several draws."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecl.errors import DatasetError
from tools.bench.continual.method_inputs import Setup, Workbench
from tools.bench.continual.methods import Entry
from tools.bench.continual.sequence import accuracy
from tools.bench.continual.tasks import Task, labels_of


@dataclass(frozen=True)
class Curve:
    """One method on one task."""

    name: str
    task: str
    shots: tuple[int, ...]
    accuracy: NDArray[np.float64]  # [shots, draws], NaN where the method does not learn from so few


def curve(entry: Entry, setup: Setup, task: Task, shots: Sequence[int], draws: int) -> Curve:
    """The method's curve on a task, run in this process; every draw contains the smaller ones."""
    bench = Workbench(setup)
    found = np.array([[_once(entry, bench, few(task, n, draw)) for draw in range(draws)] for n in shots])
    return Curve(entry.name, task.name, tuple(shots), found)


def few(task: Task, shots: int, draw: int) -> Task:
    """The task, first in its sequence, with `shots` clips of each class, or all, to learn."""
    order = np.random.default_rng(draw).permutation(len(task.train))
    labels = labels_of(task.train)[order]
    chosen = np.concatenate([order[labels == label][:shots] for label in range(len(task.labels))])
    return replace(task.as_first(), train=tuple(task.train[i] for i in sorted(chosen)))


def _once(entry: Entry, bench: Workbench, task: Task) -> float:
    method = entry.build(bench)
    try:
        method.learn(task)
    except DatasetError:  # fewer clips than the method takes
        return float("nan")
    return accuracy(method.scores(task), task)
