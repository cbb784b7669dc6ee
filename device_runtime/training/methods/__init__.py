"""Ways to learn a task, each in a file of its own: from windows to the flat parameter vector of a blob.

An adapter that was never trained adds nothing, so a linear classifier on the frozen features is a head [C,
P + 1] on an untouched adapter. Whatever the method, what comes out has one form, and recognition knows one.

    prototype, slda, ridge, logistic    in closed form (the last nearly), from inner products alone: seconds
    adapter                             adapter and head by gradient, through an engine
    auto                                whatever the held-out recordings speak for
"""

from typing import Protocol

from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats


class Method(Protocol):
    """A method that was tried on a task's windows."""

    @property
    def name(self) -> str:
        """Of the method."""

    @property
    def validation(self) -> ValidationResult:
        """What it made of recordings that it had not learnt from."""

    def fit_all(self) -> Floats:
        """What it learns from every recording, [n]."""
