"""What every fitted training method offers."""

from typing import Protocol

from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats


class Method(Protocol):
    """A training method, fitted with recordings held out."""

    @property
    def name(self) -> str:
        """Name of the method."""

    @property
    def validation(self) -> ValidationResult:
        """Result on the held-out recordings."""

    def fit_all(self) -> Floats:
        """Fit to every recording and return the parameters [n]."""
