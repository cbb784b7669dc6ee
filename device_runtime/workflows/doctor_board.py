"""The doctor's checks of the board itself: memory, temperature, power, card, clock."""

from collections.abc import Iterator
from pathlib import Path

from device_runtime.system import board_state, host_info
from device_runtime.workflows.check import Check

SMALL_MEMORY_BYTES = 700 << 20
LOW_MEMORY_BYTES = 150 << 20
HOT_C = 80.0  # a Raspberry Pi slows down from here on
WORN = 0.8


def check_board(folder: Path) -> Iterator[Check]:
    """Check what is known of the board; a check that it gives no figures for is left out.

    Args:
        folder: where the tasks are stored, or will be.
    """
    yield _check_memory()
    if (temperature_c := host_info.read_temperature_c()) is not None:
        yield _check_temperature(temperature_c)
    if power := board_state.read_power_state():
        yield _check_power(power)
    if card := board_state.find_card(folder):
        yield _check_card(card)
    if (is_synchronised := board_state.is_clock_synchronised()) is not None:
        yield _check_clock(is_synchronised)


def _check_memory() -> Check:
    memory = host_info.read_memory()
    detail = f"{host_info.read_machine()}, {memory.available >> 20} of {memory.total >> 20} MiB free"
    if 0 < memory.available < LOW_MEMORY_BYTES:
        return Check(
            "board", "warn", detail, "the daemon needs 120 MB and an enrolment 300: end other programs"
        )
    if 0 < memory.total < SMALL_MEMORY_BYTES:
        hint = "enough for the daemon and an enrolment; with a desktop beside them it is not"
        return Check("board", "ok", detail, hint)
    return Check("board", "ok", detail)


def _check_temperature(temperature_c: float) -> Check:
    if temperature_c >= HOT_C:
        hint = "a board this hot slows down: a heat sink, a fan, or a larger case"
        return Check("temperature", "warn", f"{temperature_c:.0f} °C", hint)
    return Check("temperature", "ok", f"{temperature_c:.0f} °C")


def _check_power(power: board_state.PowerState) -> Check:
    hint = "another power supply or a shorter cable: low voltage damages memory cards and stops microphones"
    if power.is_low:
        return Check("power", "warn", "the voltage is too low now", hint)
    if power.was_low:
        return Check("power", "warn", "the voltage was too low since the board was started", hint)
    if power.is_slowed or power.has_slowed:
        when = "is" if power.is_slowed else "was"
        return Check("power", "warn", f"the processor {when} slowed down", "a heat sink, or a fan")
    return Check("power", "ok", "no low voltage reported")


def _check_card(card: board_state.Card) -> Check:
    detail = f"on {card.kind} {card.name}"
    if card.used is not None:
        detail += f", at most {card.used:.0%} of its life used"
        if card.used >= WORN:
            return Check("card", "warn", detail, "replace it soon, and 'edgecl export-task' what you need")
    if card.kind == "SD card":
        hint = "cards wear out by writing: 'privacy = 1' keeps no recordings, --home names another disk"
        return Check("card", "ok", detail, hint)
    return Check("card", "ok", detail)


def _check_clock(is_synchronised: bool) -> Check:
    if is_synchronised:
        return Check("clock", "ok", "synchronised")
    hint = "times of events may be wrong: sudo timedatectl set-ntp true, or wait for the network"
    return Check("clock", "warn", "not synchronised", hint)
