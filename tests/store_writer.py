"""Processes that write to a store, to be killed or to race; each reports its changes through a pipe."""

import random
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from edgecl.errors import TaskExistsError
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingClip, TrainingSet
from tests.tiny_files import make_tiny_blob_bytes

TASKS = ("doorbell", "kettle", "knock")
LABELS = tuple(f"label {number}" for number in range(300))  # about 20 KB per blob

State = dict[str, int]  # task → the value of its blob


def make_blob(task: str, value: int) -> bytes:
    """Make the blob of a task and value, always the same."""
    return make_tiny_blob_bytes(task, value, labels=LABELS)


def make_training_set(value: int) -> TrainingSet:
    """Make the training set of the blob of a value."""
    return (
        TrainingClip(
            clip_sha256=f"{value:064x}", label=LABELS[0], windows=1, file="a.wav", origin="enrolled"
        ),
    )


def write_until_killed(home: Path, state: State, seed: int, events: Connection) -> None:
    """Commit, replace, undo and forget without end, and report each change before and after it."""
    with Store.open(home, create=True) as store:
        for after, task, action in _changes(state, random.Random(seed)):
            events.send(("trying", after))
            if action == "forget":
                store.forget(task)
            elif action == "undo":
                store.undo(task)
            else:
                value = after[task]
                store.commit(
                    task, make_blob(task, value), replace=True, training_set=make_training_set(value)
                )
            events.send(("done", after))


def _changes(state: State, choice: random.Random) -> Iterator[tuple[State, str, str]]:
    """Yield (state after the change, task, action) without end."""
    before: State = {}  # what undo restores, as far as this writer knows
    while True:
        task, action = choice.choice(TASKS), choice.choice(["commit", "commit", "undo", "forget"])
        present, earlier = state.get(task), before.pop(task, None)
        if action == "forget" and present is not None:
            state = {name: value for name, value in state.items() if name != task}
            yield state, task, action
            continue
        if present is not None:
            before[task] = present
        if action == "undo" and earlier is not None:
            state = state | {task: earlier}
        else:
            action, state = "commit", state | {task: choice.randrange(1_000_000)}
        yield state, task, action


def commit_repeatedly(home: Path, task: str, times: int, start: Barrier) -> None:
    """Commit one task repeatedly, after all writers are ready."""
    start.wait()
    with Store.open(home, create=True) as store:
        for value in range(times):
            store.commit(task, make_blob(task, value), replace=True, training_set=make_training_set(value))


def commit_once(home: Path, value: int, start: Barrier, events: Connection) -> None:
    """Commit the contested task and report whether that succeeded."""
    start.wait()
    with Store.open(home, create=True) as store:
        try:
            store.commit("contested", make_blob("contested", value), training_set=make_training_set(value))
        except TaskExistsError:
            events.send(False)
        else:
            events.send(True)
