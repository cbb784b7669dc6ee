"""`forget` leaves no trace of a task: no name, no label, no tokens of its recordings."""

import os
import pty
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.token_cache import TokenCache
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingClip, TrainingSet
from tests.device.conftest import ALARMS, Edgecl
from tests.tiny_files import FINGERPRINT, make_tiny_blob_bytes

WINDOW_SAMPLES = 800
OWN, FORMER, SHARED = "a1" * 32, "b2" * 32, "c3" * 32
SECRETS = ("burglary", "glass breaking")


def clips(*hashes: str, label: str = SECRETS[1]) -> TrainingSet:
    return tuple(
        TrainingClip(clip_sha256=sha256, label=label, windows=1, file="a.wav", origin="enrolled")
        for sha256 in hashes
    )


@pytest.fixture
def cache(tmp_path: Path) -> TokenCache:
    """A store of 'burglary', in its second generation, and 'kettle', which share a recording."""
    cache = TokenCache(tmp_path / "home" / "cache", FINGERPRINT, WINDOW_SAMPLES, 1 << 20)
    with Store.open(tmp_path / "home", create=True) as store:
        for value, recordings in ((1.0, clips(FORMER, SHARED)), (2.0, clips(OWN, SHARED))):
            data = make_tiny_blob_bytes(SECRETS[0], value, labels=(SECRETS[1], "knock"))
            store.commit(SECRETS[0], data, replace=True, training_set=recordings)
        store.commit("kettle", make_tiny_blob_bytes("kettle"), training_set=clips(SHARED, label="ring"))
    for key in (OWN, FORMER, SHARED):
        cache.put(key, np.zeros((1, 2, 3), np.float16))
        cache.put(make_copies_key(key), np.zeros((1, 2, 3), np.float16))
    return cache


def traces(home: Path, secrets: tuple[str, ...]) -> list[tuple[str, str]]:
    """List (file, secret) for every secret in the bytes or the name of a file of the home."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [
        (path.name, secret)
        for path in files
        for secret in secrets
        if secret.encode() in path.read_bytes() + path.name.encode()
    ]


def test_a_forgotten_task_takes_the_tokens_of_its_recordings_along_but_no_shared_ones(
    tmp_path: Path, cache: TokenCache
) -> None:
    with Store.open(tmp_path / "home", create=False) as store:
        store.forget(SECRETS[0])
        assert not any(cache.has(key) for key in (OWN, make_copies_key(OWN), FORMER, make_copies_key(FORMER)))
        assert cache.has(SHARED)
        assert cache.has(make_copies_key(SHARED))
        store.forget("kettle")
    assert list((tmp_path / "home" / "cache").iterdir()) == []


def test_a_version_beyond_undo_takes_the_tokens_of_its_recordings_along(
    tmp_path: Path, cache: TokenCache
) -> None:
    with Store.open(tmp_path / "home", create=False) as store:
        store.commit(SECRETS[0], make_tiny_blob_bytes(SECRETS[0], 3.0), replace=True, training_set=clips(OWN))
        assert not cache.has(FORMER)
        assert cache.has(OWN)
        store.undo(SECRETS[0])
        assert cache.has(OWN)


def test_what_a_killed_enrolment_left_of_a_forgotten_recording_is_deleted(
    tmp_path: Path, cache: TokenCache
) -> None:
    (file,) = (path for path in cache.folder.iterdir() if path == cache._path(OWN))
    file.rename(file.with_name(f".{file.name}.4711"))
    with Store.open(tmp_path / "home", create=False) as store:
        store.forget(SECRETS[0])
    assert not any(path.name.startswith(".") for path in cache.folder.iterdir())


def test_tokens_that_an_earlier_version_cached_go_along(
    tmp_path: Path, cache: TokenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecl.store.token_files.WINDOWS_VERSION", 9)
    with Store.open(tmp_path / "home", create=False) as store:
        store.forget(SECRETS[0])
        store.forget("kettle")
    assert list(cache.folder.iterdir()) == []


def test_no_file_of_the_home_holds_the_name_or_a_label_of_a_forgotten_task(
    tmp_path: Path, cache: TokenCache
) -> None:
    home = tmp_path / "home"
    damaged = (home / "registry.db").read_bytes()[:-100]
    for _ in range(3):
        (home / "registry.db").write_bytes(damaged)
        with Store.open(home, create=False) as store:
            assert store.warnings
    with Store.open(home, create=False) as store:
        store.forget(SECRETS[0])
        assert [entry.task for entry in store.list_tasks()] == ["kettle"]
    assert traces(home, SECRETS) == []
    assert list((home / "quarantine").iterdir()) == []


def test_a_row_that_an_earlier_version_deleted_without_overwriting_it_is_erased(
    tmp_path: Path, cache: TokenCache
) -> None:
    home = tmp_path / "home"
    with closing(sqlite3.connect(home / "registry.db", isolation_level=None)) as registry:
        registry.execute("PRAGMA secure_delete = OFF")
        registry.execute(
            "INSERT INTO tasks SELECT 'diary', * FROM (SELECT sha256, previous_sha256, created,"
            " size_bytes, labels, fingerprint, digest FROM tasks LIMIT 1)"
        )
        registry.execute("DELETE FROM tasks WHERE task = 'diary'")
    assert traces(home, ("diary",)) != []
    with Store.open(home, create=False) as store:
        store.forget("kettle")
    assert traces(home, ("diary",)) == []


def test_the_command_leaves_no_trace_of_an_enrolled_task(edgecl: Edgecl, home: Path) -> None:
    assert list((home / "cache").iterdir()) != []
    assert edgecl("forget", "alarms").code == 0
    assert traces(home, ("alarms", *ALARMS)) == []
    assert list((home / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "answer", "is_forgotten"),
    [((), "n\n", False), ((), "\n", False), ((), "yes\n", True), (("--yes",), "", True)],
)
def test_on_a_terminal_it_asks_before_it_forgets(
    edgecl: Edgecl,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    answer: str,
    is_forgotten: bool,
) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, answer.encode())
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        result = edgecl("forget", "alarms", *words)
    os.close(keyboard)
    assert ("Forget 'alarms' (doorbell, smoke_alarm, timer)?" in result.err) == (not words)
    assert (result.code == 0) == is_forgotten
    assert ("was not forgotten; nothing was changed" in result.err) == (not is_forgotten)
    with Store.open(home, create=False) as store:
        assert bool(store.list_tasks()) == (not is_forgotten)
