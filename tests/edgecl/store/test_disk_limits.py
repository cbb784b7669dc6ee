"""A full disk and a read-only home: a message, a hint, and nothing lost."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecl.errors import StoreError
from edgecl.store.store import Store
from edgecl.store.token_files import make_name
from edgecl.store.training_set import TrainingClip
from tests.mounting import mount
from tests.tiny_files import FINGERPRINT, make_tiny_blob_bytes

LABELS = tuple(f"label {number}" for number in range(300))
FIRST, SECOND = (make_tiny_blob_bytes("doorbell", value, labels=LABELS) for value in (1.0, 2.0))
KETTLE = make_tiny_blob_bytes("kettle", 1.0, labels=LABELS)
BLOCK_BYTES = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real file system of 512 KiB."""
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def leave_free(disk: Path, free_bytes: int) -> None:
    """Fill the disk except for some bytes."""
    with (disk / "filler").open("wb") as filler:
        free = os.statvfs(disk).f_bavail * BLOCK_BYTES
        filler.write(bytes(max(0, free - free_bytes)))


@contextmanager
def limit_file_size(size_bytes: int) -> Iterator[None]:
    """Limit the size of files that this process writes, as a full disk would, without mounting one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def try_change(change: Callable[[], object]) -> bool:
    """Return whether a change succeeded; a failure must have the message of a full disk."""
    failure = None
    try:
        change()
    except StoreError as error:
        failure = error
    if failure is not None:
        assert "disk" in failure.message or "No space left" in failure.message
        assert "nothing that was stored is lost" in failure.hint
    return failure is None


def test_a_disk_that_fills_up_at_any_point_of_a_commit_loses_nothing(disk: Path) -> None:
    with Store.open(disk / "home", create=True) as store:
        store.commit("doorbell", FIRST)
        outcomes = set()
        for free_blocks in range(24):
            leave_free(disk, free_blocks * BLOCK_BYTES)
            done = try_change(lambda: store.commit("kettle", KETTLE))
            outcomes.add(done)
            assert store.read_blob("doorbell") == FIRST
            assert [entry.task for entry in store.list_tasks()] == ["doorbell", "kettle"][: 1 + done]
            if done:
                (disk / "filler").unlink()
                store.forget("kettle")
        assert outcomes == {False, True}


def test_a_full_disk_keeps_the_old_generation_and_free_space_is_enough_to_go_on(disk: Path) -> None:
    with Store.open(disk / "home", create=True) as store:
        store.commit("doorbell", FIRST)
        leave_free(disk, 0)
        assert not try_change(lambda: store.commit("doorbell", SECOND, replace=True))
        assert store.read_blob("doorbell") == FIRST
        (disk / "filler").unlink()
        store.commit("doorbell", SECOND, replace=True)
    with Store.open(disk / "home", create=False) as store:
        assert store.read_blob("doorbell") == SECOND


def test_a_full_disk_has_room_for_forget_and_undo_again_and_again(disk: Path) -> None:
    with Store.open(disk / "home", create=True) as store:
        for data in (FIRST, SECOND):
            store.commit("doorbell", data, replace=True)
        store.commit("kettle", KETTLE)
    leave_free(disk, 0)
    with Store.open(disk / "home", create=False) as store:
        store.undo("doorbell")
        assert store.read_blob("doorbell") == FIRST
        leave_free(disk, 0)
        store.undo("doorbell")
        store.forget("kettle")
        leave_free(disk, 0)
        assert store.read_blob("doorbell") == SECOND
        store.forget("doorbell")
        assert store.list_tasks() == []
        assert store.warnings == []


def test_a_full_disk_without_ballast_gives_up_cached_tokens_that_no_task_needs(disk: Path) -> None:
    home, needed = disk / "home", "a1" * 32
    with Store.open(home, create=True) as store:
        clip = TrainingClip(clip_sha256=needed, label="knock", windows=1, file="a.wav", origin="enrolled")
        store.commit("doorbell", FIRST, training_set=(clip,))
        store.commit("kettle", KETTLE)
    (home / "cache").mkdir()
    files = [home / "cache" / make_name(key, FINGERPRINT, 800) for key in (needed, "b2" * 32)]
    for file in files:
        file.write_bytes(bytes(8 * BLOCK_BYTES))
    (home / ".ballast").unlink()
    leave_free(disk, 0)
    with Store.open(home, create=False) as store:
        store.forget("kettle")
        assert [file.exists() for file in files] == [True, False]
        for file in (home / "blobs" / "filler", home / ".ballast"):
            file.unlink(missing_ok=True)
        leave_free(disk, 0)
        store.forget("doorbell")
        assert not any(file.exists() for file in files)


def test_a_store_on_a_full_disk_can_still_be_opened_and_read(disk: Path) -> None:
    with Store.open(disk / "home", create=True) as store:
        store.commit("doorbell", FIRST)
    leave_free(disk, 0)
    with Store.open(disk / "home", create=False) as store:
        assert store.read_blob("doorbell") == FIRST
        assert [check.status for check in store.verify()] == ["unchanged"]


def test_a_new_store_on_a_full_disk_is_refused_with_a_message(disk: Path) -> None:
    leave_free(disk, 0)
    assert not try_change(lambda: Store.open(disk / "home", create=True))
    (disk / "filler").unlink()
    with Store.open(disk / "home", create=True) as store:
        store.commit("doorbell", FIRST)


@pytest.mark.parametrize("limit_bytes", [0, 100, BLOCK_BYTES, len(KETTLE) - 1])
def test_a_limited_file_size_has_the_message_of_a_full_disk(tmp_path: Path, limit_bytes: int) -> None:
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST)
        with limit_file_size(limit_bytes), pytest.raises(StoreError) as error:
            store.commit("kettle", KETTLE)
        assert "nothing that was stored is lost" in error.value.hint
        assert len(list((tmp_path / "home" / "blobs").iterdir())) == 1
        store.commit("kettle", KETTLE)
        assert (store.read_blob("doorbell"), store.read_blob("kettle")) == (FIRST, KETTLE)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Return a function that makes the home read-only: by mount for root, by permissions for others."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        mount("-t", "tmpfs", "tmpfs", home)

    def lock() -> Path:
        if os.geteuid() == 0:
            mount("-o", "remount,ro", home)
        else:
            home.chmod(0o555)
        return home

    yield lock
    if os.geteuid() == 0:
        subprocess.run(["umount", home], check=True)
    else:
        home.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, read_only: Callable[[], Path]) -> Path:
    """A store of one task in its second generation, soon to be read-only."""
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST)
        store.commit("doorbell", SECOND, replace=True)
    return tmp_path / "home"


def test_a_read_only_home_opens_for_reading_and_refuses_changes(
    home: Path, read_only: Callable[[], Path]
) -> None:
    read_only()
    with Store.open(home, create=True) as store:
        assert not store.writable
        assert store.read_blob("doorbell") == SECOND
        assert [check.status for check in store.verify()] == ["unchanged"]
        for change in (lambda: store.commit("kettle", KETTLE), lambda: store.forget("doorbell")):
            with pytest.raises(StoreError, match="is read-only") as error:
                change()
            assert error.value.hint == "choose another folder with --home"
        assert store.warnings == []


def test_a_damaged_blob_in_a_read_only_home_falls_back_without_moving_anything(
    home: Path, read_only: Callable[[], Path]
) -> None:
    with Store.open(home, create=False) as store:
        (home / "blobs" / f"{store.find_task('doorbell').sha256}.safetensors").write_bytes(b"garbage")
    read_only()
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST
        assert len(store.warnings) == 1


@pytest.mark.parametrize("garbage", [None, b"garbage" * 1000])
def test_a_lost_registry_in_a_read_only_home_is_rebuilt_in_memory(
    home: Path, read_only: Callable[[], Path], garbage: bytes | None
) -> None:
    (home / "registry.db").unlink()
    if garbage is not None:
        (home / "registry.db").write_bytes(garbage)
    read_only()
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == SECOND
        assert "the registry was rebuilt" in store.warnings[0]
    assert (home / "registry.db").exists() == (garbage is not None)


def test_an_empty_read_only_home_is_an_empty_store(read_only: Callable[[], Path]) -> None:
    with Store.open(read_only(), create=True) as store:
        assert store.list_tasks() == []
