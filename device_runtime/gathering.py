"""Examples gathered recording by recording, whichever way each was heard, and what they were: the lessons."""

from collections.abc import Sequence

import numpy as np

from device_runtime.backbone import Tokens
from device_runtime.bank import TokenBank
from device_runtime.examples import Examples
from edgecl.lessons import Lessons, Taught


class Gathering:
    """Recording number i of the examples is lesson i."""

    def __init__(self, bank: TokenBank) -> None:
        self._bank = bank
        self._taught: list[Taught] = []

    def add(self, taught: Taught, tokens: Tokens) -> None:
        """One more recording, as tokens [taught.windows, tokens, D]."""
        self._bank.append(tokens)
        self._taught.append(taught)

    @property
    def lessons(self) -> Lessons:
        """What was gathered."""
        return tuple(self._taught)

    def examples(self, labels: Sequence[str]) -> Examples:
        """All windows, their classes numbered as in `labels`."""
        windows = [taught.windows for taught in self._taught]
        classes = [labels.index(taught.label) for taught in self._taught]
        return Examples(
            tokens=self._bank.tokens(),
            labels=np.repeat(classes, windows),
            recordings=np.repeat(np.arange(len(windows)), windows),
            classes=len(labels),
        )
