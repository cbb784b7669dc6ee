"""What a board reports of its supply, its card and its clock, read as on a Raspberry Pi."""

import os
from pathlib import Path

import pytest

from device_runtime.system import board_state, host_info
from device_runtime.system.board_state import Card, PowerState
from device_runtime.workflows.doctor_board import check_board


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in place of /sys and /proc, with no programs on the path."""
    monkeypatch.setattr(host_info, "SYS", tmp_path)
    monkeypatch.setattr(host_info, "PROC", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def install_vcgencmd(system: Path, printed: str) -> None:
    write(system / "bin/vcgencmd", f"#!/bin/sh\necho {printed}\n")
    (system / "bin/vcgencmd").chmod(0o755)


def put_on_card(system: Path, folder: Path, kind: str) -> None:
    """Let the device of a folder be the second partition of a card."""
    device = os.stat(folder).st_dev
    (system / "devices/mmcblk0/mmcblk0p2").mkdir(parents=True)
    (system / "dev/block").mkdir(parents=True)
    link = system / f"dev/block/{os.major(device)}:{os.minor(device)}"
    link.symlink_to(system / "devices/mmcblk0/mmcblk0p2")
    write(system / "block/mmcblk0/device/type", f"{kind}\n")


@pytest.mark.parametrize(
    ("printed", "state"),
    [
        ("throttled=0x0", PowerState(False, False, False, False)),
        ("throttled=0x50005", PowerState(True, True, True, True)),
        ("throttled=0x10000", PowerState(False, True, False, False)),
        ("throttled=0x80008", PowerState(False, False, True, True)),
    ],
)
def test_vcgencmd_reports_low_voltage_and_slowing_down(system: Path, printed: str, state: PowerState) -> None:
    install_vcgencmd(system, printed)
    assert board_state.read_power_state() == state


def test_without_vcgencmd_the_kernels_sensor_of_the_voltage_is_read(system: Path) -> None:
    assert board_state.read_power_state() is None
    write(system / "class/hwmon/hwmon1/name", "rpi_volt\n")
    write(system / "class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert board_state.read_power_state() == PowerState(True, True)


def test_a_card_is_found_by_the_device_that_holds_the_folder(system: Path) -> None:
    assert board_state.find_card(system) is None
    put_on_card(system, system, "SD")
    assert board_state.find_card(system) == Card("mmcblk0", "SD card", None)


def test_soldered_flash_reports_how_much_of_its_life_is_used(system: Path) -> None:
    put_on_card(system, system, "MMC")
    write(system / "block/mmcblk0/device/life_time", "0x02 0x09\n")
    assert board_state.find_card(system) == Card("mmcblk0", "eMMC", 0.9)


def test_the_kernel_says_whether_its_clock_is_synchronised() -> None:
    assert board_state.is_clock_synchronised() in (True, False)


def test_the_doctor_names_the_board_and_what_is_wrong_with_it(system: Path) -> None:
    write(system / "device-tree/model", "Raspberry Pi Zero 2 W Rev 1.0\0")
    write(system / "meminfo", "MemTotal: 427000 kB\nMemAvailable: 90000 kB\n")
    write(system / "class/thermal/thermal_zone0/temp", "84000\n")
    install_vcgencmd(system, "throttled=0x50000")
    put_on_card(system, system, "MMC")
    write(system / "block/mmcblk0/device/life_time", "0x0a 0x01\n")
    checks = {check.name: check for check in check_board(system)}
    assert checks["board"].detail.startswith("Raspberry Pi Zero 2 W Rev 1.0, ")
    assert {name: checks[name].status for name in ("board", "temperature", "power", "card")} == {
        "board": "warn",
        "temperature": "warn",
        "power": "warn",
        "card": "warn",
    }
    assert "was too low since the board was started" in checks["power"].detail
    assert all(check.hint for check in checks.values() if check.status == "warn")


def test_where_nothing_is_reported_the_doctor_names_the_memory_alone(system: Path) -> None:
    write(system / "meminfo", "MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\n")
    names = [check.name for check in check_board(system)]
    assert names in (["board"], ["board", "clock"])
