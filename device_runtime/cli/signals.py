"""Ctrl-C and SIGTERM: stop at once and print the state that is left.

The process ends inside the handler: an exception raised there would surface anywhere, such as in a destructor
that swallows it. Nothing needs to be unwound, since the store survives even a power cut.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from edgecl import console

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Handler of both signals: they end the process, except while a state is being changed."""

    def __init__(self) -> None:
        """Handle nothing yet; see `install`."""
        self._as_json = False
        self._state = console.UNCHANGED
        self._deferring = False
        self._polled = False
        self._pending = False

    def install(self, as_json: bool) -> None:
        """Handle both signals from now on; `as_json` as for `console.run`."""
        self._as_json = as_json
        for number in SIGNALS:
            signal.signal(number, self._handle)

    @contextmanager
    def defer(self, state_after: str) -> Iterator[None]:
        """Let a change of state finish first; from then on an interruption reports `state_after`."""
        self._deferring = True
        try:
            yield
            self._state = state_after
        finally:
            self._deferring = False
        if self._pending:
            self._stop()

    @contextmanager
    def poll(self) -> Iterator[Callable[[], bool]]:
        """Yield a function that returns whether a signal came, so that endless work can end by itself.

        The first signal only sets it; a second one stops the process at once.
        """
        self._polled = True
        yield lambda: self._pending
        self.ignore()

    def ignore(self) -> None:
        """Ignore both signals from now on: the answer is being printed, or the command is over."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        is_first, self._pending = not self._pending, True
        if not self._deferring and not (self._polled and is_first):
            self._stop()

    def _stop(self) -> NoReturn:
        self.ignore()
        console.exit_at_once(console.make_interruption(self._state), self._as_json)


interrupts = Interrupts()
