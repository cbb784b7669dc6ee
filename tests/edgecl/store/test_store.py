"""The store keeps its tasks, reports damage, and rebuilds its registry from the blobs."""

import errno
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError, NoStoreError, StoreError, TaskExistsError, UnknownTaskError
from edgecl.store.registry import SCHEMA_VERSION
from edgecl.store.store import Store
from tests.tiny_files import make_tiny_blob_bytes

FIRST, SECOND, THIRD = (make_tiny_blob_bytes("doorbell", value) for value in (1.0, 2.0, 3.0))
KETTLE = make_tiny_blob_bytes("kettle", 1.0)
FIRST_TIME = "2026-01-02T03:04:05.000001Z"
WHAT_TO_DO = "enroll it again with --replace, or forget it"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store of two tasks, one of them in its second generation."""
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST)
        store.commit("kettle", KETTLE)
        store.commit("doorbell", SECOND, replace=True)
    return tmp_path / "home"


def list_blob_files(home: Path) -> set[str]:
    return {path.name for path in (home / "blobs").iterdir()}


def find_current_file(home: Path, task: str) -> Path:
    with Store.open(home, create=False) as store:
        return home / "blobs" / f"{store.find_task(task).sha256}.safetensors"


def test_committed_tasks_are_there_after_reopening(home: Path) -> None:
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == SECOND
        assert store.read_blob("kettle") == KETTLE
        assert [entry.task for entry in store.list_tasks()] == ["doorbell", "kettle"]
        assert store.warnings == []


def test_an_entry_has_the_fields_of_its_blob(home: Path) -> None:
    with Store.open(home, create=False) as store:
        entry = store.find_task("doorbell")
    assert entry.labels == ("ring", "knock")
    assert entry.created == "2026-01-02T03:04:05.000002Z"
    assert (entry.size_bytes, entry.fingerprint) == (len(SECOND), "5a" * 32)


def test_a_new_home_is_created_only_on_request(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store in"):
        Store.open(tmp_path / "deep" / "home", create=False)
    assert not (tmp_path / "deep").exists()
    with Store.open(tmp_path / "deep" / "home", create=True) as store:
        assert store.list_tasks() == []
        assert store.warnings == []


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    for create in (True, False):
        with pytest.raises(StoreError, match="home' is a file, not a folder") as refusal:
            Store.open(tmp_path / "home", create)
        assert refusal.value.hint == "choose a folder with --home"


def test_a_folder_of_other_files_is_no_store_and_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"mine")
    with pytest.raises(NoStoreError):
        Store.open(tmp_path, create=False)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_the_same_name_twice_is_refused_and_changes_nothing(home: Path) -> None:
    with Store.open(home, create=False) as store:
        with pytest.raises(TaskExistsError, match="task 'doorbell' is already enrolled") as refusal:
            store.commit("doorbell", THIRD)
        assert "--replace" in refusal.value.hint
        assert store.read_blob("doorbell") == SECOND


def test_two_generations_are_kept_and_no_third(home: Path) -> None:
    assert len(list_blob_files(home)) == 3
    with Store.open(home, create=False) as store:
        sha256 = store.commit("doorbell", THIRD, replace=True)
        entry = store.find_task("doorbell")
        assert entry.sha256 == sha256
        assert list_blob_files(home) == {
            f"{name}.safetensors"
            for name in (sha256, entry.previous_sha256, store.find_task("kettle").sha256)
        }


def test_committing_the_same_bytes_again_keeps_the_generation_before(home: Path) -> None:
    with Store.open(home, create=False) as store:
        before = store.list_tasks()
        store.commit("doorbell", SECOND, replace=True)
        assert store.list_tasks() == before


def test_a_forgotten_task_leaves_no_file_and_other_tasks_unchanged(home: Path) -> None:
    with Store.open(home, create=False) as store:
        store.forget("doorbell")
        with pytest.raises(UnknownTaskError, match="there is no task 'doorbell'"):
            store.read_blob("doorbell")
        with pytest.raises(UnknownTaskError):
            store.forget("doorbell")
        assert store.read_blob("kettle") == KETTLE
    assert list_blob_files(home) == {find_current_file(home, "kettle").name}


def test_only_a_valid_blob_of_the_same_task_is_committed(home: Path) -> None:
    with Store.open(home, create=False) as store:
        with pytest.raises(BlobError, match="is of task 'kettle', not 'spoon'"):
            store.commit("spoon", KETTLE)
        with pytest.raises(BlobError):
            store.commit("spoon", KETTLE[:-1])
        assert [entry.task for entry in store.list_tasks()] == ["doorbell", "kettle"]


def test_verify_distinguishes_unchanged_damaged_and_missing(home: Path) -> None:
    find_current_file(home, "doorbell").write_bytes(b"garbage")
    with Store.open(home, create=False) as store:
        damaged, unchanged = store.verify()
        assert (damaged.status, unchanged.status) == ("damaged", "unchanged")
        assert damaged.detail == f"rolled back to the version of {FIRST_TIME}; {WHAT_TO_DO}"
        find_current_file(home, "doorbell").unlink()
        assert [check.status for check in store.verify("doorbell")] == ["missing"]
        with pytest.raises(UnknownTaskError):
            store.verify("spoon")


def test_verify_changes_nothing(home: Path) -> None:
    find_current_file(home, "doorbell").write_bytes(b"garbage")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with Store.open(home, create=False) as store:
        store.verify()
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_verify_reports_no_damage_where_another_process_replaces_or_removes_a_task(home: Path) -> None:
    with Store.open(home, create=False) as store, Store.open(home, create=False) as other:
        doorbell, kettle = (store.find_task(task) for task in ("doorbell", "kettle"))
        other.forget("kettle")
        for value in (3.0, 4.0):
            other.commit("doorbell", make_tiny_blob_bytes("doorbell", value), replace=True)
        checks = [store._check_current(entry) for entry in (doorbell, kettle)]
        assert [check.status if check else None for check in checks] == ["unchanged", None]


def test_a_damaged_blob_is_quarantined_and_the_previous_one_is_used(home: Path) -> None:
    damaged = find_current_file(home, "doorbell")
    damaged.write_bytes(SECOND[:-1] + b"\xff")
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST
        assert len(store.warnings) == 1
        assert store.warnings == [
            f"the blob of task 'doorbell' is damaged; the version of {FIRST_TIME} is used"
        ]
    assert (home / "quarantine" / damaged.name).read_bytes() == SECOND[:-1] + b"\xff"


@pytest.mark.parametrize("registry_is_lost", [False, True])
def test_a_rolled_back_task_is_reported_until_it_is_enrolled_again(
    home: Path, registry_is_lost: bool
) -> None:
    damaged = find_current_file(home, "doorbell")
    damaged.write_bytes(SECOND[:-1] + b"\xff")
    with Store.open(home, create=False) as store:
        store.read_blob("doorbell")
    if registry_is_lost:
        (home / "registry.db").unlink()
    for _ in range(2):
        with Store.open(home, create=False) as store:
            check, _ = store.verify()
            assert (check.task, check.status) == ("doorbell", "damaged")
            assert check.detail == f"rolled back to the version of {FIRST_TIME}; {WHAT_TO_DO}"
            assert store.read_blob("doorbell") == FIRST
    with Store.open(home, create=False) as store:
        store.commit("doorbell", THIRD, replace=True)
        assert [check.status for check in store.verify()] == ["unchanged", "unchanged"]
        assert store.find_task("doorbell").previous_sha256 == sha256_hex(FIRST)
    assert not list((home / "quarantine").glob("*.safetensors"))


def test_a_task_lost_together_with_the_registry_is_reported_until_it_is_forgotten(home: Path) -> None:
    find_current_file(home, "kettle").write_bytes(KETTLE[:-1] + b"\xff")
    for _ in range(2):
        (home / "registry.db").unlink()
        with Store.open(home, create=False) as store:
            assert f"the blob {sha256_hex(KETTLE)[:8]} of task 'kettle' is damaged" in store.warnings[1]
            _, lost = store.verify()
            assert (lost.task, lost.status) == ("kettle", "damaged")
            assert lost.detail == f"lost: its blob is in quarantine; {WHAT_TO_DO}"
    with Store.open(home, create=False) as store:
        store.forget("kettle")
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert [check.task for check in store.verify()] == ["doorbell"]


def test_a_lost_blob_without_a_readable_name_gets_one(home: Path) -> None:
    find_current_file(home, "kettle").write_bytes(b"garbage")
    (home / "registry.db").unlink()
    name = f"unreadable-{sha256_hex(KETTLE)[:8]}"
    with Store.open(home, create=False) as store:
        assert [(check.task, check.status) for check in store.verify()] == [
            ("doorbell", "unchanged"),
            (name, "damaged"),
        ]
        store.forget(name)
        assert [check.task for check in store.verify()] == ["doorbell"]


def test_a_blob_with_no_intact_generation_is_reported_and_stays_listed(home: Path) -> None:
    find_current_file(home, "kettle").write_bytes(b"")
    with Store.open(home, create=False) as store:
        for _ in range(2):
            with pytest.raises(BlobError, match="is damaged and no earlier generation is intact") as refusal:
                store.read_blob("kettle")
        assert "edgecl enroll kettle FOLDER --replace" in refusal.value.hint
        assert [check.status for check in store.verify("kettle")] == ["damaged"]
        store.commit("kettle", KETTLE, replace=True)
        assert store.read_blob("kettle") == KETTLE


def test_a_deleted_blob_is_reported_as_missing(home: Path) -> None:
    find_current_file(home, "kettle").unlink()
    with Store.open(home, create=False) as store:
        with pytest.raises(BlobError, match="is missing and no earlier generation is intact"):
            store.read_blob("kettle")
        assert store.verify("kettle")[0].detail == f"lost; {WHAT_TO_DO}"


def test_old_files_that_cannot_be_deleted_do_not_undo_a_commit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = home / "blobs" / f"{sha256_hex(FIRST)}.safetensors"
    delete = Path.unlink

    def fail_to_unlink(path: Path, missing_ok: bool = False) -> None:
        if path == oldest:
            raise OSError(errno.EIO, "Input/output error")
        delete(path, missing_ok)

    with Store.open(home, create=False) as store:
        with monkeypatch.context() as disk:
            disk.setattr(Path, "unlink", fail_to_unlink)
            store.commit("doorbell", THIRD, replace=True)
        assert "old files are left for the next change to delete" in store.warnings[0]
        assert (store.read_blob("doorbell"), oldest.exists()) == (THIRD, True)
        store.forget("kettle")
        assert not oldest.exists()


def test_a_blob_file_of_impossible_size_is_not_read(home: Path) -> None:
    with find_current_file(home, "doorbell").open("ab") as file:
        file.truncate(1 << 36)  # sparse
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST


def test_leftovers_of_a_crashed_writer_are_deleted_and_other_files_are_not(home: Path) -> None:
    orphan = home / "blobs" / f"{'0' * 64}.safetensors"
    half = home / "blobs" / f".{'1' * 64}.safetensors.4711.tmp"
    note = home / "blobs" / "note.txt"
    for path in (orphan, half, note):
        path.write_bytes(b"left")
    with Store.open(home, create=False) as store:
        store.forget("kettle")
    assert (orphan.exists(), half.exists(), note.exists()) == (False, False, True)


def test_a_lost_registry_is_rebuilt_from_the_blobs(home: Path) -> None:
    with Store.open(home, create=False) as store:
        before = store.list_tasks()
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert store.list_tasks() == before
        assert store.warnings == [
            "the registry was rebuilt from 2 tasks' blobs: it is missing; "
            "where a task has two, the newer one is in use"
        ]
    with Store.open(home, create=False) as store:
        assert store.warnings == []


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, b"SQLite format 3\0" + bytes(8176)])
def test_a_corrupt_registry_is_quarantined_and_rebuilt(home: Path, garbage: bytes) -> None:
    with Store.open(home, create=False) as store:
        before = store.list_tasks()
    (home / "registry.db").write_bytes(garbage)
    (home / "registry.db-journal").write_bytes(b"a journal of another registry")
    with Store.open(home, create=False) as store:
        assert store.list_tasks() == before
        assert "the registry was rebuilt" in store.warnings[0]
    assert (home / "quarantine" / "registry.db").read_bytes() == garbage
    assert not (home / "registry.db-journal").exists()


def test_a_registry_damaged_anywhere_never_lists_a_wrong_task(home: Path) -> None:
    with Store.open(home, create=False) as store:
        before = store.list_tasks()
    whole = (home / "registry.db").read_bytes()
    for at in range(0, len(whole), 127):
        (home / "registry.db").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with Store.open(home, create=False) as store:
            assert store.list_tasks() == before


def test_a_forged_row_is_detected(home: Path) -> None:
    connection = sqlite3.connect(home / "registry.db")
    with connection:
        connection.execute("UPDATE tasks SET labels = ?", (json.dumps(["other"]),))
    connection.close()
    with Store.open(home, create=False) as store:
        assert store.find_task("doorbell").labels == ("ring", "knock")
        assert "a row was altered" in store.warnings[0]


def test_a_rebuild_quarantines_what_is_no_blob(home: Path) -> None:
    find_current_file(home, "doorbell").write_bytes(b"garbage")
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST
        assert any("is damaged and set aside" in warning for warning in store.warnings)
    assert len(list((home / "quarantine").iterdir())) == 1


def read_all_files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_registry_of_a_newer_edgecl_is_refused_and_not_changed(home: Path) -> None:
    with closing(sqlite3.connect(home / "registry.db")) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = read_all_files(home)
    with pytest.raises(StoreError, match="made by a newer edgecl: it has version 2") as refusal:
        Store.open(home, create=False)
    assert refusal.value.hint.startswith("update edgecl")
    assert read_all_files(home) == before


def test_without_a_registry_a_blob_of_a_newer_edgecl_is_refused_and_not_changed(home: Path) -> None:
    newer = KETTLE.replace(b'\\"format_version\\": 3', b'\\"format_version\\": 4')
    (home / "blobs" / f"{sha256_hex(newer)}.safetensors").write_bytes(newer)
    find_current_file(home, "doorbell").write_bytes(b"garbage")
    (home / "registry.db").unlink()
    before = read_all_files(home)
    with pytest.raises(BlobError, match="made by a newer edgecl: it has format version 4") as refusal:
        Store.open(home, create=False)
    assert refusal.value.hint.startswith("update edgecl")
    assert read_all_files(home) == before


def test_a_clock_that_stops_or_is_set_back_does_not_mix_up_the_generations(home: Path) -> None:
    epoch = datetime.fromtimestamp(0, UTC)
    with Store.open(home, create=False) as store:
        assert store.choose_creation_time("new", epoch) == "1970-01-01T00:00:00+00:00"
        created = store.choose_creation_time("doorbell", epoch)
        third = make_tiny_blob_bytes("doorbell", 3.0, created=created)
        store.commit("doorbell", third, replace=True)
        before = store.list_tasks()
    (home / "registry.db").unlink()
    with Store.open(home, create=False) as store:
        assert store.list_tasks() == before
        assert store.read_blob("doorbell") == third


@pytest.mark.parametrize(
    "created", ["2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", ""]
)
def test_a_date_that_an_earlier_version_accepted_does_not_stop_the_next_enrolment(
    home: Path, created: str
) -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    with Store.open(home, create=False) as store:
        with store.registry.transaction():
            store.registry.put(replace(store.find_task("doorbell"), created=created))
        assert store.choose_creation_time("doorbell", now) == now.isoformat()
        third = make_tiny_blob_bytes("doorbell", 3.0, created=store.choose_creation_time("doorbell", now))
        store.commit("doorbell", third, replace=True)
        assert store.read_blob("doorbell") == third


@pytest.mark.parametrize(
    "now", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
)
def test_a_task_is_stored_whatever_the_clock_and_the_version_before_say(home: Path, now: datetime) -> None:
    last = make_tiny_blob_bytes("doorbell", 3.0, created="2999-12-31T23:59:59Z")
    with Store.open(home, create=False) as store:
        store.commit("doorbell", last, replace=True)
        for task in ("doorbell", "new"):
            data = make_tiny_blob_bytes(task, 4.0, created=store.choose_creation_time(task, now))
            store.commit(task, data, replace=True)
            assert store.read_blob(task) == data


def test_a_store_moved_to_another_folder_is_the_same_store(home: Path, tmp_path: Path) -> None:
    moved = shutil.move(home, tmp_path / "other place?#%")
    with Store.open(moved, create=False) as store:
        assert store.read_blob("doorbell") == SECOND


def test_a_blob_is_found_without_reading_the_entries_of_all_other_tasks(home: Path) -> None:
    def count_steps() -> int:
        steps: list[int] = []
        with Store.open(home, create=False) as store:
            store.registry._connection.set_progress_handler(lambda: steps.append(1) or 0, 1)
            assert store.read_blob("doorbell") == SECOND
        return len(steps)

    before = count_steps()
    with Store.open(home, create=False) as store:
        for number in range(20):
            store.commit(f"task-{number}", make_tiny_blob_bytes(f"task-{number}"))
    assert count_steps() == before
