"""One method through a sequence of tasks: what it knows of each after each, and what that costs."""

from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Setup, Workbench
from tools.bench.continual.methods import Entry, Method, Setting
from tools.bench.continual.metrics import Matrix
from tools.bench.continual.tasks import Task

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Outcome:
    """What one method did with one seed."""

    name: str
    seed: int
    isolating: bool
    R: Matrix  # [T, T], accuracy on task j after learning task i, the task known
    unnamed: Matrix | None  # the same where all labels compete; None where the method cannot tell
    alone: NDArray[np.float64]  # [T], what a fresh learner reaches on each task, the task known
    unchanged: bool  # every score of every task stayed what it was when the task had been learnt
    seconds: float  # of a processor, learning all tasks
    peak_bytes: int | None  # resident memory of the process when all had been learnt and measured
    bytes_a_task: float


@dataclass(frozen=True)
class Walk:
    """What a method said of all tasks so far after each task it learnt."""

    scores: list[list[Doubles]]  # [i][j]: [R, C] of task j after task i
    answers: list[list[Integers | None]]  # [i][j]: [R]
    seconds: float
    peak_bytes: int | None
    kept_bytes: int


def through(entry: Entry, setup: Setup, tasks: list[Task]) -> Outcome:
    """What the method does, run in this process."""
    bench = Workbench(setup)
    named = walk(entry.build(bench), tasks)
    unnamed = walk(entry.build(bench, Setting.NOTHING), tasks) if entry.trained_by_setting else named
    R = _matrix([[accuracy(found, tasks[j]) for j, found in enumerate(row)] for row in named.scores])
    return Outcome(
        name=entry.name,
        seed=setup.seed,
        isolating=entry.isolating,
        R=R,
        unnamed=_unnamed(unnamed.answers, tasks),
        alone=R.diagonal() if entry.isolating else _alone(entry, bench, tasks),
        unchanged=_unchanged(named.scores),
        seconds=named.seconds,
        peak_bytes=named.peak_bytes,
        bytes_a_task=named.kept_bytes / len(tasks),
    )


def walk(method: Method, tasks: list[Task]) -> Walk:
    """Learn the tasks one after another; after each, ask about all so far."""
    scores, answers, seconds = [], [], 0.0
    for number, task in enumerate(tasks, start=1):
        started = process_time()
        method.learn(task)
        seconds += process_time() - started
        scores.append([method.scores(seen) for seen in tasks[:number]])
        answers.append([method.answers(seen) for seen in tasks[:number]])
    return Walk(scores, answers, seconds, _peak_bytes(), method.kept_bytes())


def accuracy(scores: Doubles, task: Task) -> float:
    """Share of the test recordings whose best label is theirs, from scores [R, C]."""
    return float((scores.argmax(axis=1) == task.truth).mean())


def _unnamed(answers: list[list[Integers | None]], tasks: list[Task]) -> Matrix | None:
    if any(answer is None for row in answers for answer in row):
        return None
    truths = [task.truth + task.first_class for task in tasks]
    return _matrix([[float((said == truths[j]).mean()) for j, said in enumerate(row)] for row in answers])


def _alone(entry: Entry, bench: Workbench, tasks: list[Task]) -> NDArray[np.float64]:
    """Accuracy [T] of a fresh learner on each task."""
    reached = []
    for task in (task.as_first() for task in tasks):
        method = entry.build(bench)
        method.learn(task)
        reached.append(accuracy(method.scores(task), task))
    return np.array(reached)


def _unchanged(scores: list[list[Doubles]]) -> bool:
    """Whether the scores of each task are, after every later one, the very numbers they were at first."""
    return all(np.array_equal(scores[i][j], scores[j][j]) for i in range(len(scores)) for j in range(i))


def _matrix(rows: list[list[float]]) -> Matrix:
    """[T, T], NaN where a task was yet to come."""
    return np.array([row + [np.nan] * (len(rows) - len(row)) for row in rows])


def _peak_bytes() -> int | None:
    """The high-water mark of this process's resident memory; None where the system does not tell."""
    if not STATUS.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
