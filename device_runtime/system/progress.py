"""The callbacks by which long operations report their progress and warnings."""

from typing import Protocol


class Progress(Protocol):
    """A progress callback; it draws a bar, prints a line now and then, or does nothing."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report a step.

        Args:
            stage: name of the stage, shown to the user.
            done: number of finished steps.
            total: number of steps of the stage.
        """


def ignore_progress(stage: str, done: int, total: int) -> None:
    """Ignore the report."""


def ignore_warning(message: str) -> None:
    """Drop a warning."""
