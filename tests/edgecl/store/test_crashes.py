"""Killed at any moment, the store holds the old state or the new one; racing writers lose nothing."""

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from edgecl.store.store import Store
from tests.store_writer import (
    State,
    commit_once,
    commit_repeatedly,
    make_blob,
    make_training_set,
    write_until_killed,
)

KILLS = 30

# Children are forked from a server that has imported the store and runs no thread: starting one is quick,
# and it inherits nothing of pytest.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.store_writer"])


def kill_within_a_change(home: Path, state: State, seed: int, moment: float) -> list[tuple[str, State]]:
    """Return all that a writer reported until SIGKILL.

    Args:
        moment: when to kill, after a first whole change and in units of the time which that took.
    """
    ours, theirs = processes.Pipe(duplex=False)
    writer = processes.Process(target=write_until_killed, args=(home, state, seed, theirs))
    writer.start()
    theirs.close()
    reported = [ours.recv()]
    began_s = time.perf_counter()
    reported.append(ours.recv())
    time.sleep(moment * (time.perf_counter() - began_s))
    writer.kill()
    writer.join()
    reported += _rest(ours)
    writer.close()
    ours.close()
    return reported


def _rest(connection: Connection) -> list[tuple[str, State]]:
    messages = []
    while True:
        try:
            messages.append(connection.recv())
        except (EOFError, OSError):  # the last message may be cut off
            return messages


def state_of(home: Path) -> State:
    """What the store holds, blobs and lessons compared byte for byte, and nothing damaged or left over."""
    with Store.open(home, create=True) as store:
        values = {entry.task: int(entry.created[-7:-1]) for entry in store.list_tasks()}
        for entry in store.list_tasks():
            value = values[entry.task]
            assert store.read_blob(entry.task) == make_blob(entry.task, value)
            assert store.training_sets.read(entry.sha256) == make_training_set(value)
        assert all(verdict.status == "unchanged" for verdict in store.verify())
        assert store.warnings == []
    assert not list((home / "quarantine").iterdir())
    return values


def test_sigkill_at_random_moments_leaves_the_old_state_or_the_new(tmp_path: Path) -> None:
    home, state, moments = tmp_path / "home", {}, random.Random(1)
    unfinished = 0
    for seed in range(KILLS):
        reported = kill_within_a_change(home, state, seed, moments.uniform(0.0, 2.0))
        old = [after for word, after in reported if word == "done"][-1]
        new = reported[-1][1]
        state = state_of(home)
        assert state in (old, new)
        unfinished += old != new
    assert unfinished > KILLS // 2  # the kills did fall into the middle of changes


def test_after_a_crash_the_next_change_leaves_only_what_tasks_point_to(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for seed in range(5):
        kill_within_a_change(home, state_of(home), seed, moment=0.5)
    with Store.open(home, create=False) as store:
        store.commit("last", make_blob("last", 1), training_set=make_training_set(1))
        hashes = {sha256 for entry in store.list_tasks() for sha256 in entry.generations}
    for folder in ("blobs", "lessons"):
        assert {path.stem for path in (home / folder).iterdir()} == hashes


def test_two_processes_committing_different_tasks_at_once_both_survive(tmp_path: Path) -> None:
    start = processes.Barrier(2, timeout=60)
    writers = [
        processes.Process(target=commit_repeatedly, args=(tmp_path / "home", task, 10, start))
        for task in ("doorbell", "kettle")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert state_of(tmp_path / "home") == {"doorbell": 9, "kettle": 9}


@pytest.mark.parametrize("contest", range(3))
def test_of_several_processes_with_the_same_name_exactly_one_wins(tmp_path: Path, contest: int) -> None:
    count = 4
    start = processes.Barrier(count, timeout=60)
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
    assert state_of(tmp_path / "home") == {"contested": won.index(True)}
