"""The state of a board: its power supply, the card it stores on, its clock. What is unknown is None."""

import contextlib
import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from device_runtime.system import host_info

VCGENCMD_TIMEOUT_S = 5.0
LOW_VOLTAGE, SLOWED = 0x1, 0xE  # bits of `vcgencmd get_throttled`: now
SINCE_START_BITS = 16  # the same, shifted by so much: since the board was started
TIMEX_BYTES = 256  # more than `struct timex` has on any platform
CLOCK_ERROR = 5  # adjtimex: TIME_ERROR, the clock is not synchronised


@dataclass(frozen=True)
class PowerState:
    """What the firmware of a Raspberry Pi says about its supply; `has_slowed`: None where it does not say."""

    is_low: bool
    was_low: bool
    is_slowed: bool | None = None
    has_slowed: bool | None = None


@dataclass(frozen=True)
class Card:
    """A memory card or soldered flash memory.

    Attributes:
        name: of the device, such as mmcblk0.
        kind: "SD card" or "eMMC".
        used: share of its life that is used up; eMMC alone reports it.
    """

    name: str
    kind: str
    used: float | None


def read_power_state() -> PowerState | None:
    """Ask the firmware of a Raspberry Pi through `vcgencmd`, or the kernel's sensor of its voltage."""
    if shutil.which("vcgencmd"):
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            printed = subprocess.run(
                ["vcgencmd", "get_throttled"],
                capture_output=True,
                text=True,
                timeout=VCGENCMD_TIMEOUT_S,
                check=True,
            ).stdout
            return _decode_throttled(int(printed.strip().rpartition("=")[2], 16))
    for sensor in (host_info.SYS / "class/hwmon").glob("hwmon*"):
        with contextlib.suppress(OSError):
            if (sensor / "name").read_text().strip() == "rpi_volt":
                is_low = (sensor / "in0_lcrit_alarm").read_text().strip() == "1"
                return PowerState(is_low, is_low)
    return None


def _decode_throttled(flags: int) -> PowerState:
    past = flags >> SINCE_START_BITS
    return PowerState(
        is_low=bool(flags & LOW_VOLTAGE),
        was_low=bool(past & LOW_VOLTAGE),
        is_slowed=bool(flags & SLOWED),
        has_slowed=bool(past & SLOWED),
    )


def find_card(folder: Path) -> Card | None:
    """Return the card that a folder is stored on; None for every other kind of memory."""
    device = os.stat(folder).st_dev
    place = host_info.SYS / f"dev/block/{os.major(device)}:{os.minor(device)}"
    name = place.resolve().name.partition("p")[0]
    if not name.startswith("mmcblk"):
        return None
    about = host_info.SYS / "block" / name / "device"
    kind, used = "SD card", None
    with contextlib.suppress(OSError):
        kind = {"MMC": "eMMC"}.get((about / "type").read_text().strip(), kind)
    with contextlib.suppress(OSError, ValueError):  # two estimates in steps of a tenth, 1 to 10
        used = max(int(word, 16) for word in (about / "life_time").read_text().split()) / 10
    return Card(name, kind, used)


def is_clock_synchronised() -> bool | None:
    """Ask the kernel whether something keeps its clock synchronised, such as systemd-timesyncd."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:  # not Linux
        return None
    state = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != CLOCK_ERROR
