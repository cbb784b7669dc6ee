"""What a task was learnt from stays with its blob, through undo, crashes and a lost registry."""

from pathlib import Path

import pytest

from edgecl.canonical_json import sha256_hex
from edgecl.errors import StoreError, UnknownTaskError
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingClip, TrainingSet, from_bytes, to_bytes
from tests.tiny_files import make_tiny_blob_bytes

FIRST, SECOND, THIRD = (make_tiny_blob_bytes("doorbell", value) for value in (1.0, 2.0, 3.0))


def lessons(count: int) -> TrainingSet:
    """Return this number of recordings of a ring."""
    return tuple(
        TrainingClip(
            clip_sha256=f"{n:064x}", label="ring", windows=1, file=f"ring/{n} ü.wav", origin="enrolled"
        )
        for n in range(count)
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store of one task, learnt from three recordings, before that from two."""
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST, training_set=lessons(2))
        store.commit("doorbell", SECOND, replace=True, training_set=lessons(3))
    return tmp_path / "home"


def lessons_now(store: Store) -> TrainingSet | None:
    return store.training_sets.read(store.find_task("doorbell").sha256)


def test_lessons_come_back_as_they_were(home: Path) -> None:
    with Store.open(home, create=False) as store:
        assert lessons_now(store) == lessons(3)


def test_any_flipped_byte_makes_a_list_unknown() -> None:
    whole = to_bytes(lessons(2))
    assert from_bytes(whole) == lessons(2)
    for at in range(len(whole)):
        assert from_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]) is None
    assert from_bytes(b"[]\n") is None


def test_a_task_without_lessons_is_sound_and_says_that_they_are_unknown(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.commit("doorbell", THIRD, replace=True)
        assert lessons_now(store) is None
        assert [verdict.status for verdict in store.verify()] == ["unchanged"]


def test_undo_takes_blob_and_lessons_back_and_undoing_twice_restores_them(home: Path) -> None:
    with Store.open(home, create=False) as store:
        entry = store.undo("doorbell")
        assert (entry.sha256, entry.previous_sha256) == (sha256_hex(FIRST), sha256_hex(SECOND))
        assert (store.read_blob("doorbell"), lessons_now(store)) == (FIRST, lessons(2))
        store.undo("doorbell")
        assert (store.read_blob("doorbell"), lessons_now(store)) == (SECOND, lessons(3))


def test_what_is_learnt_after_an_undo_has_the_version_gone_back_to_before_it(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.undo("doorbell")
        store.commit("doorbell", THIRD, replace=True)
        assert store.find_task("doorbell").previous_sha256 == sha256_hex(FIRST)
        assert store.training_sets.read(sha256_hex(SECOND)) is None


def test_there_is_nothing_before_the_first_version(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.commit("kettle", make_tiny_blob_bytes("kettle"))
        with pytest.raises(StoreError, match="there is no earlier version of task 'kettle' to go back to"):
            store.undo("kettle")
        with pytest.raises(UnknownTaskError):
            store.undo("spoon")


def test_a_damaged_earlier_version_is_not_gone_back_to(home: Path) -> None:
    (home / "blobs" / f"{sha256_hex(FIRST)}.safetensors").write_bytes(b"garbage")
    with Store.open(home, create=False) as store:
        with pytest.raises(StoreError, match="no earlier version"):
            store.undo("doorbell")
        assert store.read_blob("doorbell") == SECOND


def test_undo_is_a_way_out_of_damage(home: Path) -> None:
    (home / "blobs" / f"{sha256_hex(SECOND)}.safetensors").write_bytes(b"garbage")
    with Store.open(home, create=False) as store:
        entry = store.undo("doorbell")
        assert (entry.sha256, entry.previous_sha256) == (sha256_hex(FIRST), None)
        assert [verdict.status for verdict in store.verify()] == ["unchanged"]


def test_lessons_outlive_the_registry(home: Path) -> None:
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert store.warnings[0].endswith("where a task has two, the newer one is in use")
        assert lessons_now(store) == lessons(3)
        store.undo("doorbell")
        assert lessons_now(store) == lessons(2)


def test_lessons_without_a_blob_are_swept_away(home: Path) -> None:
    orphan = home / "lessons" / f"{'0' * 64}.json"
    half = home / "lessons" / f".{'1' * 64}.json.4711.tmp"
    for path in (orphan, half):
        path.write_bytes(b"left by a crashed writer")
    with Store.open(home, create=False) as store:
        store.commit("doorbell", THIRD, replace=True, training_set=lessons(1))
        generations = store.find_task("doorbell").generations
    assert {path.stem for path in (home / "lessons").iterdir()} == set(generations)
    with Store.open(home, create=False) as store:
        store.forget("doorbell")
    assert list((home / "lessons").iterdir()) == []


def test_what_was_made_from_a_version_that_is_gone_is_not_stored(home: Path) -> None:
    with Store.open(home, create=False) as store:
        with pytest.raises(StoreError, match="was changed in the meantime; nothing was stored"):
            store.commit("doorbell", THIRD, replace=True, base_sha256=sha256_hex(FIRST))
        assert store.read_blob("doorbell") == SECOND
        store.commit("doorbell", THIRD, replace=True, base_sha256=sha256_hex(SECOND))
        assert store.read_blob("doorbell") == THIRD
