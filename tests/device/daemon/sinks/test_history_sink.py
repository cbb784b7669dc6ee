"""The history on a full disk: events are counted as lost, and stored again once there is room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from device_runtime.daemon.sinks.history_reader import HistoryReader, StoredSound
from device_runtime.daemon.sinks.history_sink import HistorySink
from device_runtime.daemon.sinks.history_writer import HistoryWriter, Retention
from device_runtime.daemon.sinks.queue import SinkQueue
from edgecl.errors import DiskFullError, StoreError
from tests.device.daemon.conftest import sound
from tests.device.daemon.running import until
from tests.mounting import mount

BLOCK_BYTES = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb") as filler:
        filler.write(bytes(os.statvfs(disk).f_bavail * BLOCK_BYTES))


@pytest.mark.parametrize("existed", [False, True])
def test_a_history_that_cannot_be_opened_is_opened_once_there_is_room(disk: Path, existed: bool) -> None:
    if existed:
        HistoryWriter(disk / "history.db").close()
    fill(disk)
    warnings: list[str] = []
    history = HistorySink(disk / "history.db", Retention(), warnings.append, retry_interval_s=0)
    assert "cannot be opened" in warnings[0]
    assert "delete" not in warnings[0]
    assert history.status.state == "unavailable"
    with pytest.raises(StoreError, match="cannot be opened"):
        history.write(sound(2))
    (disk / "filler").unlink()
    history.write(sound(1))
    assert (history.status.state, history.status.detail) == ("open", "")
    history.close()
    assert [one.start for one in HistoryWriter(disk / "history.db").sounds(10)] == [sound(1).start]


def test_every_event_that_a_full_disk_has_no_room_for_is_counted_as_lost(disk: Path) -> None:
    history, warnings = HistorySink(disk / "history.db", Retention(), print), []
    fill(disk)
    queue = SinkQueue(history.write, warn=warnings.append)
    for ago_s in range(100, 0, -1):
        queue.put(sound(ago_s))
    until(lambda: queue.lost + len(stored(disk)) == 100)
    assert queue.lost > 50
    assert history.status.state == "unavailable"
    assert "full" in history.status.detail
    assert len(warnings) == 1
    (disk / "filler").unlink()
    queue.put(sound(0))
    until(lambda: history.status.state == "open")
    assert stored(disk)[0].start == sound(0).start
    queue.close()
    history.close()


def test_a_full_disk_is_reported_as_such(disk: Path) -> None:
    history = HistorySink(disk / "history.db", Retention(), print)
    fill(disk)
    with pytest.raises(DiskFullError, match="cannot be written"):
        write_many(history)
    history.close()


def write_many(history: HistorySink) -> None:
    for ago_s in range(100):
        history.write(sound(ago_s))


def stored(disk: Path) -> list[StoredSound]:
    with closing(HistoryReader.open(disk / "history.db")) as reader:
        return reader.sounds(1000)
