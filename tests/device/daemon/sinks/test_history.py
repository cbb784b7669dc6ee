"""The history: one row a sound, for a limited time, in a file that may be damaged."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_runtime.daemon.sinks.history_reader import Feedback, HistoryReader
from device_runtime.daemon.sinks.history_writer import HistoryWriter, Retention, save_feedback
from edgecl.errors import StoreError
from edgecl.events import SourceEvent, format_time
from tests.device.conftest import Edgecl
from tests.device.daemon.conftest import NOW_S, sound

HOUR_S = 3600
LONG_AGO_S = 400 * 24 * HOUR_S
VERSION_1 = """
    CREATE TABLE sounds (
        id TEXT PRIMARY KEY, start TEXT NOT NULL, task TEXT NOT NULL, label TEXT NOT NULL, event TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sounds_by_start ON sounds (start);
    CREATE TABLE judgements (id TEXT PRIMARY KEY, judgement TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE conditions (time TEXT NOT NULL, source TEXT NOT NULL, event TEXT NOT NULL);
    CREATE INDEX conditions_by_time ON conditions (time);
    PRAGMA user_version = 1;
"""
FEEDBACK = Feedback(kind="not", task="alarms", label="doorbell", time=format_time(0))


def condition(ago_s: float) -> SourceEvent:
    """A microphone that hung so long ago."""
    time_of_it = format_time(NOW_S - ago_s)
    return SourceEvent(time=time_of_it, source="mic", state="hung", detail="", hint="", lost_frames=0)


def test_a_sound_is_one_row_which_holds_its_last_phase(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    for phase, score in (("new", 0.8), ("update", 0.9), ("end", 0.95)):
        history.write(sound(10, phase, score))
    history.write(sound(5))
    history.close()
    again = HistoryWriter(tmp_path / "history.db")
    newest, oldest = again.sounds(10)
    assert (newest.phase, oldest.phase, oldest.score) == ("new", "end", 0.95)
    assert again.sounds(10, before=newest.sequence) == [oldest]
    again.close()


def test_a_sound_that_goes_on_is_written_every_few_seconds_only(tmp_path: Path) -> None:
    now_s = 0.0
    history = HistoryWriter(tmp_path / "history.db", monotonic_s=lambda: now_s)
    log = tmp_path / "history.db-wal"
    history.write(sound(10, "new", 0.5))
    size_bytes = log.stat().st_size
    for number in range(1, 20):  # every half a second
        now_s = number / 2
        history.write(sound(10, "update", number / 20))
    (stored,) = history.sounds(10)
    assert (stored.phase, stored.score) == ("update", 10 / 20)
    history.write(sound(10, "end", 0.99))
    assert history.sounds(10)[0].score == 0.99
    assert log.stat().st_size - size_bytes < 6 * 4200  # pages; each event takes two
    history.close()


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    history.write(sound(10))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["history.db", "history.db-shm", "history.db-wal"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    history.close()


def test_source_events_are_stored_too(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    event = condition(1)
    history.write(event)
    assert history.conditions(5) == [event]
    history.close()


def test_rows_beyond_the_retention_limits_are_deleted(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db", Retention(sounds=3, conditions=1))
    for ago_s in (5, 4, 3, 2, 1):
        history.write(sound(ago_s))
        history.write(condition(ago_s))
    history.prune()
    assert [one.start for one in history.sounds(10)] == [sound(ago_s).start for ago_s in (1, 2, 3)]
    assert history.conditions(10) == [condition(1)]
    history.close()


def test_rows_are_deleted_after_days_of_running_time(tmp_path: Path) -> None:
    clock = [100.0]
    for ran_days in (0.6, 0.6, 0):
        history = HistoryWriter(tmp_path / "history.db", Retention(days=1), lambda: clock[0])
        counts = len(history.sounds(10)), len(history.conditions(10))
        history.write(sound(clock[0]))
        history.write(condition(clock[0]))
        clock[0] += ran_days * 24 * HOUR_S
        history.close()
        clock[0] -= 1e6  # the machine is started again
    assert counts == (1, 1)


@pytest.mark.parametrize("ahead_s", [LONG_AGO_S, -56 * 365 * 24 * HOUR_S])
def test_a_wrong_clock_deletes_no_row_and_does_not_change_the_order(tmp_path: Path, ahead_s: float) -> None:
    right, wrong = ((sound(ago_s), condition(ago_s)) for ago_s in (10, 10 - ahead_s))
    for ring, hang in (right, wrong, right):
        history = HistoryWriter(tmp_path / "history.db")
        history.write(ring)
        history.write(hang)
        history.prune()
        history.close()
    history = HistoryWriter(tmp_path / "history.db")
    assert [one.start for one in history.sounds(10)] == [wrong[0].start, right[0].start]
    assert len(history.conditions(10)) == 3
    history.close()


def test_a_history_of_version_1_is_taken_over(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "history.db")
    database.executescript(VERSION_1)
    for ago_s in (2, LONG_AGO_S, 1):
        ring = sound(ago_s)
        row = ring.id, ring.start, ring.task, ring.label, ring.model_dump_json()
        database.execute("INSERT INTO sounds VALUES (?, ?, ?, ?, ?)", row)
    database.execute("INSERT INTO judgements VALUES (?, ?)", (sound(1).id, FEEDBACK.model_dump_json()))
    seen = condition(1)
    database.execute("INSERT INTO conditions VALUES (?, ?, ?)", (seen.time, "mic", seen.model_dump_json()))
    database.commit()
    database.close()
    history = HistoryWriter(tmp_path / "history.db", Retention(days=1))
    assert [one.id for one in history.sounds(10)] == [sound(ago_s).id for ago_s in (1, 2, LONG_AGO_S)]
    assert history.feedback(sound(1).id) == FEEDBACK
    assert history.conditions(10) == [seen]
    history.close()


def test_a_reader_in_another_connection_is_not_blocked(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    history.write(sound(1))
    reader = sqlite3.connect(f"file:{tmp_path / 'history.db'}?mode=ro", uri=True)
    assert reader.execute("SELECT label FROM sounds").fetchall() == [("doorbell",)]
    reader.close()
    history.close()


def test_a_history_without_a_writer_is_readable_on_a_read_only_file_system(tmp_path: Path) -> None:
    folder, ring = tmp_path / "home", sound(1)
    history = HistoryWriter(folder / "history.db")
    history.write(ring)
    history.close()
    assert [path.name for path in folder.iterdir()] == ["history.db"]
    read_only = "unshare", "-r", "-m", "sh", "-c"
    script = (
        f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && "
        f"exec {sys.executable} -c 'import sys; from pathlib import Path; "
        f"from device_runtime.daemon.sinks.history_reader import HistoryReader; "
        f'print(HistoryReader.open(Path("{folder}/history.db")).sound("{ring.id}").label)\''
    )
    result = subprocess.run([*read_only, script], capture_output=True, text=True, check=False)
    if "unshare" in result.stderr or "mount" in result.stderr:
        pytest.skip("mounting is not permitted here")
    assert result.stdout == "doorbell\n", result.stderr


def test_a_sound_is_corrected_by_its_id_while_no_daemon_runs(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    clip = str(recordings / "alarms" / "doorbell" / "0.wav")
    ring, history = sound(5, "end").model_copy(update={"clip": clip}), HistoryWriter(home / "history.db")
    history.write(ring)
    history.close()
    result = edgecl("correct", ring.id, "--is", "alarms/doorbell", "--json")
    assert result.code == 0, result.err
    assert result.json["taught"]["label"] == "doorbell"


def test_a_damaged_history_is_renamed_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database, by any means" * 100)
    history = HistoryWriter(tmp_path / "history.db")
    history.write(sound(1))
    assert len(history.sounds(10)) == 1
    assert (tmp_path / "history.damaged").exists()
    history.close()


def test_a_history_that_another_process_writes_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HistoryWriter(tmp_path / "history.db").close()
    writer = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("device_runtime.daemon.sinks.history_writer.LOCK_TIMEOUT_S", 0.1)
    with pytest.raises(StoreError, match="locked"):
        HistoryWriter(tmp_path / "history.db")
    writer.close()
    assert not (tmp_path / "history.damaged").exists()


def test_feedback_is_stored_while_the_daemon_writes_and_nothing_else_changes(tmp_path: Path) -> None:
    writer, ring = HistoryWriter(tmp_path / "history.db", Retention(sounds=1)), sound(2)
    writer.write(sound(1))
    writer.write(ring)  # beyond the limit, until the next pruning
    save_feedback(tmp_path / "history.db", ring.id, FEEDBACK)
    assert writer.feedback(ring.id) == FEEDBACK
    assert len(writer.sounds(10)) == 2
    writer.close()


def test_feedback_on_a_damaged_history_is_refused_and_the_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(StoreError, match="cannot be written"):
        save_feedback(tmp_path / "history.db", "0" * 16, FEEDBACK)
    assert [path.name for path in tmp_path.iterdir()] == ["history.db"]


def test_a_history_that_is_being_created_is_empty(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "history.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE other (one)")
    assert HistoryReader.open(tmp_path / "history.db") is None
    database.close()


def test_sounds_are_counted_and_listed_by_the_days_of_a_time_zone(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    now_s = time.time()
    midnight = now_s // 86_400 * 86_400
    for at_s in (midnight - 1800, midnight - 1700, now_s):
        history.write(sound(NOW_S - at_s))
    history.close()
    reader = HistoryReader.open(tmp_path / "history.db")
    today, yesterday = (time.strftime("%Y-%m-%d", time.gmtime(midnight - before_s)) for before_s in (0, 10))
    assert reader.count_sounds(7) == [(today, "alarms", "doorbell", 1), (yesterday, "alarms", "doorbell", 2)]
    assert reader.count_sounds(1) == [(today, "alarms", "doorbell", 1)]
    assert reader.count_sounds(7, task="kitchen") == []
    assert [len(reader.sounds(10, day=day)) for day in (today, yesterday)] == [1, 2]
    assert len(reader.sounds(10, day=today, utc_offset_min=60)) == 3 - (now_s - midnight >= 23 * HOUR_S)
    reader.close()


def count_steps(reader: HistoryReader, **filters: str) -> int:
    """Return the number of steps that SQLite takes for a page of two sounds."""
    steps: list[int] = []
    reader._connection.set_progress_handler(lambda: steps.append(1) or 0, 1)
    reader.sounds(2, **filters)
    reader._connection.set_progress_handler(None, 0)
    return len(steps)


@pytest.mark.parametrize("filters", [{}, {"task": "alarms"}, {"task": "alarms", "label": "doorbell"}])
def test_a_page_costs_as_much_in_a_long_history_as_in_a_short_one(
    tmp_path: Path, filters: dict[str, str]
) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    first = sound(HOUR_S)
    for number in range(4):
        history.write(first.model_copy(update={"id": f"{number:016x}"}))
    short = count_steps(history, **filters)
    for number in range(4, 300):
        history.write(first.model_copy(update={"id": f"{number:016x}", "task": "kitchen"}))
    assert count_steps(history, **filters) <= short + 2
    history.close()


def test_a_history_without_the_index_gets_it_when_it_is_opened(tmp_path: Path) -> None:
    HistoryWriter(tmp_path / "history.db").close()
    database = sqlite3.connect(tmp_path / "history.db")
    database.execute("DROP INDEX sounds_of_task")
    database.close()
    HistoryWriter(tmp_path / "history.db").close()
    database = sqlite3.connect(tmp_path / "history.db")
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]
    database.close()
    assert "sounds_of_task" in names
