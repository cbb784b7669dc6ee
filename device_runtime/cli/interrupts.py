"""Ctrl-C and SIGTERM: stop at once, and say truthfully what state is left."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from edgecl.console import UNCHANGED, Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns both signals into `Interrupted`, except while the state is being changed."""

    def __init__(self) -> None:
        self._left = UNCHANGED
        self._holding = False
        self._pending = False

    def install(self) -> None:
        """Take over both signals for the rest of the process."""
        for number in SIGNALS:
            signal.signal(number, self._arrived)

    @contextmanager
    def held(self, then_left: str) -> Iterator[None]:
        """Let a change of state finish first; from then on an interruption leaves `then_left`."""
        self._holding = True
        try:
            yield
            self._left = then_left
        finally:
            self._holding = False
        if self._pending:
            raise Interrupted(self._left)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self._pending = True
        if not self._holding:
            raise Interrupted(self._left)


interrupts = Interrupts()
