"""One method through a sequence of tasks: its accuracy on every task after every task, and its costs."""

from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs, Setup
from tools.bench.continual.methods import Entry, Method, Setting
from tools.bench.continual.metrics import Matrix
from tools.bench.continual.tasks import Task
from tools.bench.memory import peak_memory_bytes


@dataclass(frozen=True)
class Outcome:
    """The results of one method with one seed."""

    name: str
    seed: int
    isolated: bool
    R: Matrix  # [T, T], accuracy on task j after learning task i, task-incremental
    class_incremental: (
        Matrix | None
    )  # the same, class-incremental; None where the method cannot compare tasks
    alone: NDArray[np.float64]  # [T], accuracy of a fresh learner on each task, task-incremental
    unchanged: bool  # no score of a task changed after the task was learnt
    seconds: float  # CPU time of learning all tasks
    peak_bytes: int | None  # peak resident memory of the process after the last task
    bytes_per_task: float


@dataclass(frozen=True)
class Predictions:
    """The predictions of a method for all tasks so far, after each task that it learnt."""

    scores: list[list[Doubles]]  # [i][j]: [R, C] of task j after task i
    classes: list[list[Integers | None]]  # [i][j]: [R]
    seconds: float
    peak_bytes: int | None
    stored_bytes: int


def run_method(entry: Entry, setup: Setup, tasks: list[Task]) -> Outcome:
    """Run a method through a sequence of tasks, in this process."""
    inputs = MethodInputs(setup)
    task_incremental = learn_sequence(entry.build(inputs), tasks)
    class_incremental = task_incremental
    if entry.trained_per_setting:
        class_incremental = learn_sequence(entry.build(inputs, Setting.CLASS_INCREMENTAL), tasks)
    R = _matrix(
        [[accuracy(found, tasks[j]) for j, found in enumerate(row)] for row in task_incremental.scores]
    )
    return Outcome(
        name=entry.name,
        seed=setup.seed,
        isolated=entry.isolated,
        R=R,
        class_incremental=_class_incremental_matrix(class_incremental.classes, tasks),
        alone=R.diagonal() if entry.isolated else _measure_alone(entry, inputs, tasks),
        unchanged=_is_unchanged(task_incremental.scores),
        seconds=task_incremental.seconds,
        peak_bytes=task_incremental.peak_bytes,
        bytes_per_task=task_incremental.stored_bytes / len(tasks),
    )


def learn_sequence(method: Method, tasks: list[Task]) -> Predictions:
    """Learn tasks one after another; after each, predict the test recordings of all tasks so far."""
    scores, classes, seconds = [], [], 0.0
    for number, task in enumerate(tasks, start=1):
        began_s = process_time()
        method.learn(task)
        seconds += process_time() - began_s
        scores.append([method.predict_scores(seen) for seen in tasks[:number]])
        classes.append([method.predict_classes(seen) for seen in tasks[:number]])
    return Predictions(scores, classes, seconds, peak_memory_bytes(), method.count_stored_bytes())


def accuracy(scores: Doubles, task: Task) -> float:
    """Return the share of a task's test recordings that scores [R, C] classify correctly."""
    return float((scores.argmax(axis=1) == task.truth).mean())


def _class_incremental_matrix(classes: list[list[Integers | None]], tasks: list[Task]) -> Matrix | None:
    if any(found is None for row in classes for found in row):
        return None
    truths = [task.truth + task.first_class for task in tasks]
    return _matrix([[float((found == truths[j]).mean()) for j, found in enumerate(row)] for row in classes])


def _measure_alone(entry: Entry, inputs: MethodInputs, tasks: list[Task]) -> NDArray[np.float64]:
    """Measure the accuracy [T] of a fresh learner on each task."""
    reached = []
    for task in (task.as_first() for task in tasks):
        method = entry.build(inputs)
        method.learn(task)
        reached.append(accuracy(method.predict_scores(task), task))
    return np.array(reached)


def _is_unchanged(scores: list[list[Doubles]]) -> bool:
    """Return whether the scores of each task are bitwise the same after every later task."""
    return all(np.array_equal(scores[i][j], scores[j][j]) for i in range(len(scores)) for j in range(i))


def _matrix(rows: list[list[float]]) -> Matrix:
    """Return the matrix [T, T] of rows, NaN for tasks that were still to come."""
    return np.array([row + [np.nan] * (len(rows) - len(row)) for row in rows])
