"""A training set stays with its blob through undo, crashes and a lost registry."""

from pathlib import Path

import pytest

from edgecl.canonical_json import sha256_hex
from edgecl.errors import StoreError, UnknownTaskError
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingClip, TrainingSet, from_bytes, to_bytes
from tests.tiny_files import make_tiny_blob_bytes

FIRST, SECOND, THIRD = (make_tiny_blob_bytes("doorbell", value) for value in (1.0, 2.0, 3.0))


def make_training_set(count: int) -> TrainingSet:
    """Make a training set of some recordings of a ring."""
    return tuple(
        TrainingClip(
            clip_sha256=f"{n:064x}", label="ring", windows=1, file=f"ring/{n} ü.wav", origin="enrolled"
        )
        for n in range(count)
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Create a store of one task, trained on two recordings, then on three."""
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST, training_set=make_training_set(2))
        store.commit("doorbell", SECOND, replace=True, training_set=make_training_set(3))
    return tmp_path / "home"


def current_training_set(store: Store) -> TrainingSet | None:
    return store.training_sets.read(store.find_task("doorbell").sha256)


def test_a_training_set_is_read_as_it_was_written(home: Path) -> None:
    with Store.open(home, create=False) as store:
        assert current_training_set(store) == make_training_set(3)


def test_a_training_set_with_a_flipped_byte_counts_as_missing() -> None:
    whole = to_bytes(make_training_set(2))
    assert from_bytes(whole) == make_training_set(2)
    for at in range(len(whole)):
        assert from_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]) is None
    assert from_bytes(b"[]\n") is None


def test_a_task_without_a_training_set_is_intact(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.commit("doorbell", THIRD, replace=True)
        assert current_training_set(store) is None
        assert [check.status for check in store.verify()] == ["unchanged"]


def test_undo_restores_blob_and_training_set_and_a_second_undo_reverts_it(home: Path) -> None:
    with Store.open(home, create=False) as store:
        entry = store.undo("doorbell")
        assert (entry.sha256, entry.previous_sha256) == (sha256_hex(FIRST), sha256_hex(SECOND))
        assert (store.read_blob("doorbell"), current_training_set(store)) == (FIRST, make_training_set(2))
        store.undo("doorbell")
        assert (store.read_blob("doorbell"), current_training_set(store)) == (SECOND, make_training_set(3))


def test_a_commit_after_an_undo_has_the_restored_version_as_the_previous_one(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.undo("doorbell")
        store.commit("doorbell", THIRD, replace=True)
        assert store.find_task("doorbell").previous_sha256 == sha256_hex(FIRST)
        assert store.training_sets.read(sha256_hex(SECOND)) is None


def test_the_first_version_cannot_be_undone(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.commit("kettle", make_tiny_blob_bytes("kettle"))
        with pytest.raises(StoreError, match="there is no earlier version of task 'kettle' to go back to"):
            store.undo("kettle")
        with pytest.raises(UnknownTaskError):
            store.undo("spoon")


def test_a_damaged_previous_version_is_not_restored(home: Path) -> None:
    (home / "blobs" / f"{sha256_hex(FIRST)}.safetensors").write_bytes(b"garbage")
    with Store.open(home, create=False) as store:
        with pytest.raises(StoreError, match="no earlier version"):
            store.undo("doorbell")
        assert store.read_blob("doorbell") == SECOND


def test_undo_replaces_a_damaged_version(home: Path) -> None:
    (home / "blobs" / f"{sha256_hex(SECOND)}.safetensors").write_bytes(b"garbage")
    with Store.open(home, create=False) as store:
        entry = store.undo("doorbell")
        assert (entry.sha256, entry.previous_sha256) == (sha256_hex(FIRST), None)
        assert [check.status for check in store.verify()] == ["unchanged"]


def test_training_sets_survive_the_loss_of_the_registry(home: Path) -> None:
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert store.warnings[0].endswith("where a task has two, the newer one is in use")
        assert current_training_set(store) == make_training_set(3)
        store.undo("doorbell")
        assert current_training_set(store) == make_training_set(2)


def test_training_sets_without_a_blob_are_deleted(home: Path) -> None:
    orphan = home / "lessons" / f"{'0' * 64}.json"
    half = home / "lessons" / f".{'1' * 64}.json.4711.tmp"
    for path in (orphan, half):
        path.write_bytes(b"left by a crashed writer")
    with Store.open(home, create=False) as store:
        store.commit("doorbell", THIRD, replace=True, training_set=make_training_set(1))
        generations = store.find_task("doorbell").generations
    assert {path.stem for path in (home / "lessons").iterdir()} == set(generations)
    with Store.open(home, create=False) as store:
        store.forget("doorbell")
    assert list((home / "lessons").iterdir()) == []


def test_a_blob_based_on_a_replaced_version_is_not_stored(home: Path) -> None:
    with Store.open(home, create=False) as store:
        with pytest.raises(StoreError, match="was changed in the meantime; nothing was stored"):
            store.commit("doorbell", THIRD, replace=True, base_sha256=sha256_hex(FIRST))
        assert store.read_blob("doorbell") == SECOND
        store.commit("doorbell", THIRD, replace=True, base_sha256=sha256_hex(SECOND))
        assert store.read_blob("doorbell") == THIRD
