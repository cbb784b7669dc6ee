"""The history: one row a sound, as long as it is wanted, in a file that may break."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_runtime.daemon.sinks.history import HistoryWriter, Retention, judge_sound
from device_runtime.daemon.sinks.history_reader import Feedback
from edgecl.errors import StoreError
from edgecl.events import SourceEvent, format_time
from tests.device.conftest import Edgecl
from tests.device.daemon.conftest import sound

HOUR_S = 3600


def test_a_sound_is_one_row_and_its_last_phase_counts(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    for phase, score in (("new", 0.8), ("update", 0.9), ("end", 0.95)):
        history.take(sound(10, phase, score))
    history.take(sound(5))
    history.close()
    again = HistoryWriter(tmp_path / "history.db")
    newest, oldest = again.sounds(10)
    assert (newest.phase, oldest.phase, oldest.score) == ("new", "end", 0.95)
    assert again.sounds(10, before=newest.start) == [oldest]
    again.close()


def test_it_is_for_nobody_else_s_eyes(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    history.take(sound(10))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["history.db", "history.db-shm", "history.db-wal"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    history.close()


def test_conditions_are_kept_too(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    told = SourceEvent(
        time=format_time(time.time()), source="mic", state="hung", detail="", hint="", lost_frames=0
    )
    history.take(told)
    assert history.conditions(5) == [told]
    history.close()


def test_what_is_old_or_too_much_goes(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db", Retention(days=1, sounds=3))
    for ago_s in (48 * HOUR_S, 5, 4, 3, 2, 1):
        history.take(sound(ago_s))
    history.prune()
    assert [one.start for one in history.sounds(10)] == [sound(ago_s).start for ago_s in (1, 2, 3)]
    history.close()


def test_a_reader_in_another_connection_waits_for_nobody(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.db")
    history.take(sound(1))
    reader = sqlite3.connect(f"file:{tmp_path / 'history.db'}?mode=ro", uri=True)
    assert reader.execute("SELECT label FROM sounds").fetchall() == [("doorbell",)]
    reader.close()
    history.close()


def test_a_history_that_nobody_writes_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    folder, ring = tmp_path / "home", sound(1)
    history = HistoryWriter(folder / "history.db")
    history.take(ring)
    history.close()
    assert [path.name for path in folder.iterdir()] == ["history.db"]
    read_only = "unshare", "-r", "-m", "sh", "-c"
    script = (
        f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && "
        f"exec {sys.executable} -c 'import sys; from pathlib import Path; "
        f"from device_runtime.daemon.sinks.history_reader import Past; "
        f'print(Past.open(Path("{folder}/history.db")).sound("{ring.id}").label)\''
    )
    told = subprocess.run([*read_only, script], capture_output=True, text=True, check=False)
    if "unshare" in told.stderr or "mount" in told.stderr:
        pytest.skip("this machine lets nobody mount")
    assert told.stdout == "doorbell\n", told.stderr


def test_a_sound_is_corrected_by_its_id_while_no_daemon_runs(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    clip = str(recordings / "alarms" / "doorbell" / "0.wav")
    ring, history = sound(5, "end").model_copy(update={"clip": clip}), HistoryWriter(home / "history.db")
    history.take(ring)
    history.close()
    told = edgecl("correct", ring.id, "--is", "alarms/doorbell", "--json")
    assert told.code == 0, told.err
    assert told.json["taught"]["label"] == "doorbell"


def test_a_damaged_history_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database, by any means" * 100)
    history = HistoryWriter(tmp_path / "history.db")
    history.take(sound(1))
    assert len(history.sounds(10)) == 1
    assert (tmp_path / "history.damaged").exists()
    history.close()


def test_a_history_that_another_process_writes_is_not_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HistoryWriter(tmp_path / "history.db").close()
    writer = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("device_runtime.daemon.sinks.history.PATIENCE_S", 0.1)
    with pytest.raises(StoreError, match="locked"):
        HistoryWriter(tmp_path / "history.db")
    writer.close()
    assert not (tmp_path / "history.damaged").exists()


SAID = Feedback(kind="not", task="alarms", label="doorbell", time=format_time(0))


def test_a_verdict_is_written_beside_the_daemon_and_nothing_else_is_touched(tmp_path: Path) -> None:
    writer, ring = HistoryWriter(tmp_path / "history.db", Retention(sounds=1)), sound(2)
    writer.take(sound(1))
    writer.take(ring)  # one too many, for now
    judge_sound(tmp_path / "history.db", ring.id, SAID)
    assert writer.judgement(ring.id) == SAID
    assert len(writer.sounds(10)) == 2
    writer.close()


def test_a_verdict_on_a_damaged_history_is_refused_and_leaves_the_file_to_its_writer(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(StoreError, match="cannot be written"):
        judge_sound(tmp_path / "history.db", "0" * 16, SAID)
    assert [path.name for path in tmp_path.iterdir()] == ["history.db"]
