"""Ctrl-C and SIGTERM: stop at once, and say truthfully what state is left.

The process ends inside the handler. An exception raised there would surface anywhere: in a destructor that
swallows it, in a foreign import that gives it another name. Nothing needs to be unwound, for what is stored
outlives even a power cut.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from edgecl import console

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Both signals end the process, except while the state is being changed."""

    def __init__(self) -> None:
        self._as_json = False
        self._left = console.UNCHANGED
        self._holding = False
        self._noticing = False
        self._pending = False

    def install(self, as_json: bool) -> None:
        """Take over both signals; `as_json` as for `console.run`."""
        self._as_json = as_json
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
            self._stop()

    @contextmanager
    def noticed(self) -> Iterator[Callable[[], bool]]:
        """Within it a first signal stops nothing: work without an end asks whether one came, and ends.

        A second one is meant: it stops the process at once.
        """
        self._noticing = True
        yield lambda: self._pending
        self.ignore()

    def ignore(self) -> None:
        """From now on it is too late to stop: the answer has begun, or the command is over."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        first, self._pending = not self._pending, True
        if not self._holding and not (self._noticing and first):
            self._stop()

    def _stop(self) -> NoReturn:
        self.ignore()
        console.exit_at_once(console.make_interruption(self._left), self._as_json)


interrupts = Interrupts()
