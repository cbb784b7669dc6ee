"""Storing the next versions of several tasks at once: all or none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgecl.errors import BlobError, StoreError
from edgecl.store.store import Store, Successor
from tests.tiny_files import make_tiny_blob_bytes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of two tasks."""
    with Store.open(tmp_path / "home", create=True) as store:
        for task in ("doorbell", "kettle"):
            store.commit(task, make_tiny_blob_bytes(task, 1))
        yield store


def make_successor(store: Store, task: str, value: int) -> Successor:
    return Successor(make_tiny_blob_bytes(task, value), (), store.find_task(task).sha256)


def list_generations(store: Store) -> dict[str, tuple[str, ...]]:
    return {entry.task: entry.generations for entry in store.list_tasks()}


def test_each_becomes_the_current_version_and_undo_restores_the_previous_one(store: Store) -> None:
    before = list_generations(store)
    stored = store.commit_all([make_successor(store, task, 2) for task in ("doorbell", "kettle")])
    assert list_generations(store) == {task: (stored[task], *before[task]) for task in before}
    store.undo("kettle")
    assert store.read_blob("kettle") == make_tiny_blob_bytes("kettle", 1)
    assert store.read_blob("doorbell") == make_tiny_blob_bytes("doorbell", 2)


def test_if_one_task_was_changed_in_the_meantime_none_is_stored(store: Store) -> None:
    successors = [make_successor(store, task, 2) for task in ("doorbell", "kettle")]
    store.commit("kettle", make_tiny_blob_bytes("kettle", 3), replace=True)
    before = list_generations(store)
    with pytest.raises(StoreError, match="task 'kettle' was changed in the meantime; nothing was stored"):
        store.commit_all(successors)
    assert list_generations(store) == before
    assert len(list((store.home / "blobs").iterdir())) == 4  # the next change deletes unreferenced files
    store.undo("kettle")
    assert len(list((store.home / "blobs").iterdir())) == 3


def test_a_blob_that_cannot_be_opened_is_refused_before_anything_is_written(store: Store) -> None:
    successors = [
        make_successor(store, "doorbell", 2),
        Successor(b"no blob", (), store.find_task("kettle").sha256),
    ]
    before = list_generations(store)
    with pytest.raises(BlobError, match="no task blob"):
        store.commit_all(successors)
    assert list_generations(store) == before
    assert len(list((store.home / "blobs").iterdir())) == 2
