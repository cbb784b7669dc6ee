"""Slows down clients that guess tokens: after ten wrong ones in a row they pause, longer every time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

ALLOWED = 10
"""Wrong tokens in a row without a pause, such as those of a page that was left open."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
CAPACITY = 1000  # clients; beyond that the one that was wrong longest ago is given up


@dataclass
class _Guesses:
    """The wrong tokens of a client since its last right one."""

    count: int = 0
    paused_until_s: float = 0.0


class TokenBackoff:
    """Counts wrong tokens by client."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Begin without wrong tokens."""
        self._monotonic_s = monotonic_s
        self._guesses: OrderedDict[str, _Guesses] = OrderedDict()

    def get_pause_s(self, client: str) -> float:
        """Return for how many seconds every token of a client is refused; 0 if it is not."""
        guesses = self._guesses.get(client)
        return max(0.0, guesses.paused_until_s - self._monotonic_s()) if guesses else 0.0

    def add_wrong(self, client: str) -> None:
        """Count a wrong token."""
        guesses = self._guesses.setdefault(client, _Guesses())
        self._guesses.move_to_end(client)
        guesses.count += 1
        if guesses.count >= ALLOWED:
            pause_s = FIRST_PAUSE_S * 2.0 ** min(guesses.count - ALLOWED, 30)
            guesses.paused_until_s = self._monotonic_s() + min(pause_s, LONGEST_PAUSE_S)
        if len(self._guesses) > CAPACITY:
            self._guesses.popitem(last=False)

    def add_right(self, client: str) -> None:
        """Forget the wrong tokens of a client."""
        self._guesses.pop(client, None)
