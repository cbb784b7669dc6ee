"""How the machine is, from /proc and /sys."""

import os
import time
from pathlib import Path

import psutil
import pytest

from device_runtime.daemon.system import host_info
from device_runtime.daemon.system.log_buffer import REMEMBERED, LogBuffer


def test_memory_is_what_the_system_says() -> None:
    told, asked = host_info.memory(), psutil.Process()
    assert told.rss == pytest.approx(asked.memory_info().rss, rel=0.1)
    assert told.total == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    assert 0 < told.available <= told.total


def test_a_board_tells_its_model_and_its_warmest_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_info, "PROC", tmp_path)
    monkeypatch.setattr(host_info, "SYS", tmp_path)
    assert host_info.temperature_c() is None
    assert host_info.memory() == host_info.MemoryUsage(0, 0, 0)
    assert host_info.name() == os.uname().machine
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    for number, told in enumerate(("48312\n", "61004\n", "broken")):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "temp").write_text(told)
    assert host_info.name() == f"Raspberry Pi 4 Model B Rev 1.4, {os.uname().machine}"
    assert host_info.temperature_c() == 61.004


def test_a_busy_process_takes_a_share_of_a_core() -> None:
    processor, began_s, spent_s = host_info.ProcessorUsage(), time.monotonic(), time.process_time()
    while time.process_time() < spent_s + 0.3:
        pass
    share = 0.3 / (time.monotonic() - began_s)  # others may be busy, too
    assert processor.percent() == pytest.approx(100 * share, rel=0.2)


def test_a_journal_remembers_the_newest_and_tells_each_once() -> None:
    shown, told = [], []
    journal = LogBuffer(shown.append)
    journal.told = told.append
    for number in range(REMEMBERED + 10):
        journal.message(f"sentence {number}")
    assert [one.text for one in journal.newest(2)] == shown[-2:] == ["sentence 508", "sentence 509"]
    assert len(journal.newest(10_000)) == REMEMBERED
    assert [one.text for one in told] == shown
