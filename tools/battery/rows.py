"""The rows of the battery, in the order of the table."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.battery.power_loss import cut_power
from tools.battery.subject import Subject
from tools.battery.system_calls import fail_every_call, kill_at_every_call
from tools.battery.tally import Tally


@dataclass(frozen=True)
class Row:
    """One kind of fault."""

    name: str
    title: str
    run: Callable[[Subject, float], Tally]
    """Break something as often as its second argument says: a share of all cases, or their number."""
    short: float
    """How often in the tests."""
    long: float


ROWS = (
    Row("kill", "killed before each system call that changes something", kill_at_every_call, 0.02, 1),
    Row("calls", "each of these calls fails once with each error it can have", fail_every_call, 0.01, 1),
    Row("power", "power cut: unflushed data lost, torn or zeroed", cut_power, 100, 20_000),
)
