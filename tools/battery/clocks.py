"""Row: the clock jumps between commands, and the registry is lost: the newest version stays."""

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from tools.battery.fork import run
from tools.battery.subject import QUICK, VICTIM, Subject, find_damage, make_command, read_state
from tools.battery.tally import Tally

TIMES = ("1970-01-01", "1999-12-31", "2026-02-28", "2026-03-01", "2038-01-19", "2040-06-01", "2999-12-31")


def jump_clocks(subject: Subject, count: float) -> Tally:
    """Change a task again and again, at another time each time.

    Args:
        subject: the prepared home.
        count: number of changes.
    """
    home, rng, tally = subject.copy_home(), random.Random(1), Tally()
    clip = str(subject.clips / "knock" / "0.wav")
    for _ in range(round(count)):
        words = rng.choice(
            [
                ("enroll", VICTIM, str(subject.clips), "--replace", *QUICK),
                ("correct", clip, "--not", f"{VICTIM}/doorbell"),
            ]
        )
        old, time = read_state(home)[VICTIM], rng.choice(TIMES)
        ended = run(
            _at(datetime.fromisoformat(time).replace(tzinfo=UTC), make_command(home, *words)), subject.output
        )
        state = read_state(home)
        (home / "registry.db").unlink()
        damage = None
        if ended.code != 0:
            damage = f"exit code {ended.code}: {ended.messages[-300:]}"
        elif state[VICTIM][0] in old or state[VICTIM][1:] != old[:1]:
            damage = "the new version is not the current one"
        elif read_state(home) != state:
            damage = "a rebuilt registry has the versions in another order"
        tally.add(f"{words[0]} in {time}", damage or find_damage(home))
    return tally


def _at(time: datetime, command: Callable[[], None]) -> Callable[[], None]:
    """Return a command for whose modules it is this time."""

    class Clock(datetime):
        """A clock that stands still."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            """Return the time."""
            return time.astimezone(tz)

    def shifted() -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith("device_runtime.") and getattr(module, "datetime", None) is datetime:
                module.datetime = Clock  # type: ignore[attr-defined]
        command()

    return shifted
