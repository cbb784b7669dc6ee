"""The home belongs to its owner, and a process that keeps it locked is named."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecl.errors import StoreBusyError
from edgecl.store import home as homes
from edgecl.store.home import LOCK_NAME, lock_home
from edgecl.store.store import Store
from tests.deadlines import SOON_S
from tests.tiny_files import make_tiny_blob_bytes

FIRST, SECOND = (make_tiny_blob_bytes("doorbell", value) for value in (1.0, 2.0))
HOLDER = """
import sys
from pathlib import Path
from edgecl.store.home import lock_home
with lock_home(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store of one task."""
    with Store.open(tmp_path / "home", create=True) as store:
        store.commit("doorbell", FIRST)
    return tmp_path / "home"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the lock for a tenth of a second."""
    monkeypatch.setattr(homes, "LOCK_TIMEOUT_S", 0.1)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@contextmanager
def holding(home: Path) -> Iterator[int]:
    """Have another process hold the lock; yield its number."""
    command = [sys.executable, "-c", HOLDER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process.pid
        process.communicate()


def test_a_new_home_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with Store.open(tmp_path / "new" / "home", create=True) as store:
            store.commit("doorbell", FIRST)
    finally:
        os.umask(before)
    assert mode(tmp_path / "new" / "home") == 0o700
    assert mode(tmp_path / "new" / "home" / LOCK_NAME) == 0o600


def test_a_home_that_an_earlier_version_left_open_to_everyone_is_closed(home: Path) -> None:
    home.chmod(0o755)
    with Store.open(home, create=False):
        assert mode(home) == 0o700


@pytest.mark.parametrize("chosen", [0o750, 0o770, 0o1777])
def test_a_home_for_a_group_and_a_shared_folder_keep_their_mode(home: Path, chosen: int) -> None:
    home.chmod(chosen)
    with Store.open(home, create=False):
        assert home.stat().st_mode & 0o7777 == chosen


def test_a_group_that_may_write_to_the_home_may_lock_it(home: Path) -> None:
    (home / LOCK_NAME).unlink()
    home.chmod(0o770)
    with lock_home(home):
        assert mode(home / LOCK_NAME) == 0o660


def test_a_lock_on_the_folder_stops_no_command(home: Path) -> None:
    folder = os.open(home, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    def change() -> None:
        with Store.open(home, create=True) as store:
            store.commit("doorbell", SECOND, replace=True)

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    thread.join(SOON_S)
    os.close(folder)
    assert not thread.is_alive()


def test_a_change_names_the_process_that_keeps_the_store_locked(home: Path, impatient: None) -> None:
    with Store.open(home, create=False) as store, holding(home) as pid:
        for change in (
            lambda: store.commit("doorbell", SECOND, replace=True),
            lambda: store.forget("doorbell"),
        ):
            with pytest.raises(StoreBusyError) as error:
                change()
            assert f"locked by process {pid} (" in error.value.message
            assert f"{sys.executable} -c" in error.value.message  # behind an emulator, where there is one
            assert error.value.message.isprintable()
            assert f"kill {pid}" in error.value.hint
        assert store.read_blob("doorbell") == FIRST


def test_reading_waits_for_no_lock(home: Path, impatient: None) -> None:
    with holding(home), Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST


def test_a_lost_registry_is_not_rebuilt_while_another_process_changes_it(home: Path, impatient: None) -> None:
    (home / "registry.db").unlink()
    with holding(home), pytest.raises(StoreBusyError, match="locked by process"):
        Store.open(home, create=False)
    with Store.open(home, create=False) as store:
        assert store.read_blob("doorbell") == FIRST


def test_the_lock_excludes_threads_of_the_same_process_and_is_free_afterwards(
    home: Path, impatient: None
) -> None:
    with lock_home(home), pytest.raises(StoreBusyError, match=f"process {os.getpid()} "), lock_home(home):
        pass
    with lock_home(home):
        assert (home / LOCK_NAME).read_text() == str(os.getpid())
    assert (home / LOCK_NAME).read_text() == ""
