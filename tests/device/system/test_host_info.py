"""Figures about the machine, from /proc and /sys."""

import os
import time
from pathlib import Path

import psutil
import pytest

from device_runtime.system import host_info


def test_memory_agrees_with_psutil() -> None:
    memory, process = host_info.read_memory(), psutil.Process()
    assert memory.rss == pytest.approx(process.memory_info().rss, rel=0.1)
    assert memory.total == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    assert 0 < memory.available <= memory.total


def test_a_board_has_a_model_and_the_temperature_of_its_warmest_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_info, "PROC", tmp_path)
    monkeypatch.setattr(host_info, "SYS", tmp_path)
    assert host_info.read_temperature_c() is None
    assert host_info.read_memory() == host_info.MemoryUsage(0, 0, 0)
    assert host_info.read_machine() == os.uname().machine
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    for number, content in enumerate(("48312\n", "61004\n", "broken")):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "temp").write_text(content)
    assert host_info.read_machine() == f"Raspberry Pi 4 Model B Rev 1.4, {os.uname().machine}"
    assert host_info.read_temperature_c() == 61.004


def test_a_busy_process_uses_a_share_of_a_core() -> None:
    processor, started_s, spent_s = host_info.ProcessorUsage(), time.monotonic(), time.process_time()
    while time.process_time() < spent_s + 0.3:
        pass
    share = 0.3 / (time.monotonic() - started_s)  # the machine may be busy
    assert processor.percent() == pytest.approx(100 * share, rel=0.2)
