"""Whose turn it is to learn: one task at a time, and whoever comes meanwhile can be told which."""

import threading


class TrainingLock:
    """Held by whoever teaches a task."""

    def __init__(self) -> None:
        self.task = ""
        """The one that is being learnt; empty where none is."""
        self._lock = threading.BoundedSemaphore()

    def take(self, task: str, within_s: float = 0.0) -> bool:
        """Whether it is this task's turn, at the latest after so long."""
        is_taken = self._lock.acquire(timeout=within_s)
        if is_taken:
            self.task = task
        return is_taken

    def give_back(self) -> None:
        """Let others learn."""
        self.task = ""
        self._lock.release()
