"""The rows of the battery, in the order of the table."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.battery.clients import run_clients
from tools.battery.clocks import jump_clocks
from tools.battery.day import live_a_day
from tools.battery.files import read_damaged_files
from tools.battery.flapping import flap
from tools.battery.limits import fill_disks, lower_limits
from tools.battery.microphones import try_microphones
from tools.battery.power_loss import cut_power
from tools.battery.subject import Subject
from tools.battery.system_calls import fail_every_call, kill_at_every_call
from tools.battery.tally import Tally
from tools.battery.updates import break_updates
from tools.battery.walk import walk
from tools.battery.watchdog import starve_watchdogs


@dataclass(frozen=True)
class Row:
    """One kind of fault."""

    name: str
    title: str
    run: Callable[[Subject, float], Tally]
    """Break something as often as its second argument says: a share of all cases, or their number."""
    short: float
    """How often in the tests; 0: not at all, since tests of their own do so."""
    long: float
    minutes: int
    """About how long the long form takes; the longest begin first."""
    is_timed: bool = False
    """Whether it measures seconds, and so runs when no other row does."""


ROWS = (
    Row("kill", "killed before each system call that changes something", kill_at_every_call, 0.02, 1, 15),
    Row("calls", "each of these calls fails once with each error it can have", fail_every_call, 0.01, 1, 25),
    Row("power", "power cut: unflushed data lost, torn or zeroed", cut_power, 100, 20_000, 30),
    Row(
        "update",
        "update of the bundle, killed at each change or a call of it fails",
        break_updates,
        0.002,
        1,
        30,
    ),
    Row("disk", "disk with room for 0 to 200 blocks, new disk of 64 kB to 8 MB", fill_disks, 0.004, 0.3, 10),
    Row("limits", "too low limit of file size, descriptors or memory", lower_limits, 0.004, 0.3, 10),
    Row("files", "damaged or forged file of each of ten kinds", read_damaged_files, 30, 5_000, 5),
    Row("clients", "command of one of eight clients at the same time", run_clients, 8, 800, 5),
    Row("clock", "change after a jump of the clock, then a lost registry", jump_clocks, 3, 100, 3),
    Row(
        "day",
        "hour of sound, with a task that comes and goes and a broker that is away",
        live_a_day,
        0.005,
        24,
        75,
    ),
    Row("microphones", "microphone with a fault that ends", try_microphones, 0, 29, 1, True),
    Row(
        "broker", "connection to the MQTT broker cut, refused, stalled, garbled or slow", flap, 0, 30, 6, True
    ),
    Row(
        "watchdog",
        "daemon that starves the watchdog of its service manager",
        starve_watchdogs,
        0,
        12,
        2,
        True,
    ),
    Row("walk", "step of a random walk over all commands", walk, 25, 2_000, 5),
)
