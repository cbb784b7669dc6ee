"""Processes that write to a store, to be killed or to race; each tells what it is about to do."""

import random
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from edgecl.errors import TaskExistsError
from edgecl.lessons import Lessons, Taught
from edgecl.store import Store
from tests.tiny_files import tiny_blob_bytes

TASKS = ("doorbell", "kettle", "knock")
LABELS = tuple(f"label {number}" for number in range(300))  # some 20 KB a blob

State = dict[str, int]  # task → the value of its blob


def blob_of(task: str, value: int) -> bytes:
    """The one blob of this task and value."""
    return tiny_blob_bytes(task, value, labels=LABELS)


def lessons_of(value: int) -> Lessons:
    """What the blob of this value was learnt from."""
    return (Taught(clip_sha256=f"{value:064x}", label=LABELS[0], windows=1, file="a.wav", origin="enrolled"),)


def write_until_killed(home: Path, state: State, seed: int, told: Connection) -> None:
    """Commit, replace and forget without end, sending the state before and after each change."""
    with Store.open(home, create=True) as store:
        for after, task in _changes(state, random.Random(seed)):
            told.send(("trying", after))
            if task in after:
                value = after[task]
                store.commit(task, blob_of(task, value), replace=True, lessons=lessons_of(value))
            else:
                store.forget(task)
            told.send(("done", after))


def _changes(state: State, choice: random.Random) -> Iterator[tuple[State, str]]:
    while True:
        task = choice.choice(TASKS)
        others = {name: value for name, value in state.items() if name != task}
        forget = task in state and choice.random() < 0.3
        state = others if forget else others | {task: choice.randrange(1000)}
        yield state, task


def commit_many(home: Path, task: str, times: int, start: Barrier) -> None:
    """Commit one task again and again, from the moment everybody is ready."""
    start.wait()
    with Store.open(home, create=True) as store:
        for value in range(times):
            store.commit(task, blob_of(task, value), replace=True, lessons=lessons_of(value))


def commit_once(home: Path, value: int, start: Barrier, told: Connection) -> None:
    """Commit the contested task and send whether it was won."""
    start.wait()
    with Store.open(home, create=True) as store:
        try:
            store.commit("contested", blob_of("contested", value), lessons=lessons_of(value))
        except TaskExistsError:
            told.send(False)
        else:
            told.send(True)
