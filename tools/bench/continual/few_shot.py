"""Few-shot curves: accuracy after training with 1, 2, 4 … clips per class, in several random draws."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecl.errors import DatasetError
from tools.bench.continual.method_inputs import MethodInputs, Setup
from tools.bench.continual.methods import Entry
from tools.bench.continual.sequence import accuracy
from tools.bench.continual.tasks import Task, labels_of


@dataclass(frozen=True)
class Curve:
    """One method on one task."""

    name: str
    task: str
    shots: tuple[int, ...]
    accuracy: NDArray[np.float64]  # [shots, draws], NaN where the method needs more clips


def measure_curve(entry: Entry, setup: Setup, task: Task, shots: Sequence[int], draws: int) -> Curve:
    """Measure a method's curve on a task in this process; every draw contains the smaller ones."""
    inputs = MethodInputs(setup)
    found = np.array(
        [[_measure(entry, inputs, subsample(task, n, draw)) for draw in range(draws)] for n in shots]
    )
    return Curve(entry.name, task.name, tuple(shots), found)


def subsample(task: Task, shots: int, draw: int) -> Task:
    """Return the task, as the first of its sequence, with up to `shots` training clips per class."""
    order = np.random.default_rng(draw).permutation(len(task.train))
    labels = labels_of(task.train)[order]
    chosen = np.concatenate([order[labels == label][:shots] for label in range(len(task.labels))])
    return replace(task.as_first(), train=tuple(task.train[i] for i in sorted(chosen)))


def _measure(entry: Entry, inputs: MethodInputs, task: Task) -> float:
    method = entry.build(inputs)
    try:
        method.learn(task)
    except DatasetError:  # fewer clips than the method needs
        return float("nan")
    return accuracy(method.predict_scores(task), task)
