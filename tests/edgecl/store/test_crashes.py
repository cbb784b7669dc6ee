"""A process killed at any moment leaves the old state or the new one; concurrent writers lose nothing."""

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from edgecl.store.store import Store
from tests.deadlines import SOON_S
from tests.store_writer import (
    State,
    commit_once,
    commit_repeatedly,
    make_blob,
    make_training_set,
    write_until_killed,
)

KILLS = 30

# Writers are forked from a server that has imported the store and runs no thread: they start quickly and
# inherit nothing of pytest.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.store_writer"])


def kill_within_a_change(home: Path, state: State, seed: int, moment: float) -> list[tuple[str, State]]:
    """Kill a writer with SIGKILL and return all messages it sent before.

    Args:
        home: The folder of the store.
        state: The state that the store has.
        seed: The seed of the changes.
        moment: When to kill, after a first complete change, as a multiple of the time of that change.
    """
    receiver, sender = processes.Pipe(duplex=False)
    writer = processes.Process(target=write_until_killed, args=(home, state, seed, sender))
    writer.start()
    sender.close()
    messages = [receiver.recv()]
    started_s = time.perf_counter()
    messages.append(receiver.recv())
    time.sleep(moment * (time.perf_counter() - started_s))
    writer.kill()
    writer.join()
    messages += _receive_all(receiver)
    writer.close()
    receiver.close()
    return messages


def _receive_all(connection: Connection) -> list[tuple[str, State]]:
    messages = []
    while True:
        try:
            messages.append(connection.recv())
        except (EOFError, OSError):  # the last message may be cut off
            return messages


def read_state(home: Path) -> State:
    """Read the state of a store and check its blobs, training sets and files."""
    with Store.open(home, create=True) as store:
        values = {entry.task: int(entry.created[-7:-1]) for entry in store.list_tasks()}
        for entry in store.list_tasks():
            value = values[entry.task]
            assert store.read_blob(entry.task) == make_blob(entry.task, value)
            assert store.training_sets.read(entry.sha256) == make_training_set(value)
        assert all(check.status == "unchanged" for check in store.verify())
        assert store.warnings == []
    assert not list((home / "quarantine").iterdir())
    return values


def test_sigkill_at_random_moments_leaves_the_old_state_or_the_new(tmp_path: Path) -> None:
    home, state, moments = tmp_path / "home", {}, random.Random(1)
    unfinished = 0
    for seed in range(KILLS):
        messages = kill_within_a_change(home, state, seed, moments.uniform(0.0, 2.0))
        old = [after for status, after in messages if status == "done"][-1]
        new = messages[-1][1]
        state = read_state(home)
        assert state in (old, new)
        unfinished += old != new
    assert unfinished > KILLS // 2  # most kills hit a change in progress


def test_after_a_crash_the_next_change_deletes_unreferenced_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for seed in range(5):
        kill_within_a_change(home, read_state(home), seed, moment=0.5)
    with Store.open(home, create=False) as store:
        store.commit("last", make_blob("last", 1), training_set=make_training_set(1))
        hashes = {sha256 for entry in store.list_tasks() for sha256 in entry.generations}
    for folder in ("blobs", "lessons"):
        assert {path.stem for path in (home / folder).iterdir()} == hashes


def test_two_processes_that_commit_different_tasks_at_once_lose_nothing(tmp_path: Path) -> None:
    start = processes.Barrier(2, timeout=SOON_S)
    writers = [
        processes.Process(target=commit_repeatedly, args=(tmp_path / "home", task, 10, start))
        for task in ("doorbell", "kettle")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert read_state(tmp_path / "home") == {"doorbell": 9, "kettle": 9}


@pytest.mark.parametrize("contest", range(3))
def test_only_one_of_several_processes_can_commit_the_same_new_task(tmp_path: Path, contest: int) -> None:
    count = 4
    start = processes.Barrier(count, timeout=SOON_S)
    ours, theirs = zip(*(processes.Pipe(duplex=False) for _ in range(count)), strict=True)
    writers = [
        processes.Process(target=commit_once, args=(tmp_path / "home", value, start, theirs[value]))
        for value in range(count)
    ]
    for writer in writers:
        writer.start()
    for connection in theirs:
        connection.close()
    won = [connection.recv() for connection in ours]
    for writer, connection in zip(writers, ours, strict=True):
        writer.join()
        connection.close()
    assert sum(won) == 1
    assert read_state(tmp_path / "home") == {"contested": won.index(True)}
