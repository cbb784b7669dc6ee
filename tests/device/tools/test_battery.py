"""The short form of `make battery`, and its own judgement: it must notice damage."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from edgecl.store.store import Store
from tests.store_writer import make_blob, make_training_set
from tools.battery.actions import Action, Before, compare
from tools.battery.disk_log import Create, DiskLog, Rename, Sync, Write
from tools.battery.disk_model import Disk
from tools.battery.document import Measurement, update
from tools.battery.fork import Ended
from tools.battery.subject import VICTIM, State, find_damage

CUTS = 200


def store_task(home: Path) -> None:
    with Store.open(home, create=True) as store:
        store.commit("doorbell", make_blob("doorbell", 1), training_set=make_training_set(1))


@pytest.mark.slow
def test_nothing_is_lost_or_half_written_whatever_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.battery", "--short"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("lost", ["blobs", "lessons"])
def test_a_lost_file_of_a_task_is_damage(tmp_path: Path, lost: str) -> None:
    store_task(tmp_path)
    next((tmp_path / lost).iterdir()).unlink()
    assert find_damage(tmp_path).startswith("a version of task 'doorbell'")


def test_a_file_that_belongs_to_no_task_is_damage(tmp_path: Path) -> None:
    store_task(tmp_path)
    assert find_damage(tmp_path) is None
    (tmp_path / "blobs" / "left.safetensors").write_bytes(b"")
    assert find_damage(tmp_path) == "'blobs/left.safetensors' belongs to no task"


@pytest.mark.parametrize(
    ("state", "code", "sentence"),
    [
        ({}, -9, "neither the old state nor the new one is there"),
        ({VICTIM: ("other", "earlier")}, -9, "neither the old state nor the new one is there"),
        ({VICTIM: ("old", "earlier"), "ghost": ("g",)}, -9, "task 'ghost' changed"),
        ({VICTIM: ("old", "earlier")}, 0, "it reported success, but the old state is there"),
        ({VICTIM: ("earlier", "old")}, 1, "it reported a failure, but the new state is there"),
    ],
)
def test_whatever_is_neither_old_nor_new_or_not_what_was_reported_is_damage(
    state: State, code: int, sentence: str
) -> None:
    old, new = Before({VICTIM: ("old", "earlier")}, None), Before({VICTIM: ("earlier", "old")}, None)
    assert compare(Action("undo", ()), old, new, Before(state, None), Ended(code, "")).startswith(sentence)


def cut(folder: Path, *operations: object) -> set[bytes | None]:
    """Return the contents that the file 'target' may have after a power cut."""
    (folder / "target").write_bytes(b"old")
    log = DiskLog(folder)
    log.operations = [*operations]
    rng = random.Random(1)
    path = str(folder / "target")
    return {Disk.after(log, len(operations)).cut_power(rng).get(path) for _ in range(CUTS)}


def test_only_flushed_data_and_entries_survive_every_power_cut(tmp_path: Path) -> None:
    beside, target = str(tmp_path / "beside"), str(tmp_path / "target")
    write = (Create(beside, 1), Write(1, 0, b"new"))
    assert cut(tmp_path, *write, Sync(1), Rename(beside, target), Sync(str(tmp_path))) == {b"new"}
    assert cut(tmp_path, *write, Sync(1), Rename(beside, target)) == {b"old", b"new"}
    assert cut(tmp_path, *write, Rename(beside, target)) == {b"old", b"new", b"", b"\0\0\0"}


def test_a_large_write_is_torn_between_sectors(tmp_path: Path) -> None:
    contents = cut(tmp_path, Write(0, 0, b"n" * 1024))
    assert contents == {b"old", b"n" * 1024, b"n" * 512, b"\0" * 1024, b"old".ljust(1024, b"\0")} - {
        b"\0" * 1024
    }


def test_the_table_keeps_the_lines_of_other_rows() -> None:
    text = "# Page\n<!-- table of make battery -->\n<!-- end of the table -->\nend\n"
    first, second = (
        Measurement(title, tried, 0, "abc", "a machine", 9) for title, tried in (("a", 1), ("b", 2))
    )
    text = update(text, [second], ["a", "b"])
    text = update(text, [first], ["a", "b"])
    assert [line[:7] for line in text.splitlines() if line.startswith("| ")] == [
        "| row |",
        "| a | 1",
        "| b | 2",
    ]
    assert "| a |" not in update(text, [], ["b"])
    assert text.endswith("end\n")
