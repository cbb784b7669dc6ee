"""The lock that lets one task be trained at a time, and names that task to those who find it locked."""

import threading


class TrainingLock:
    """A lock with the name of the task that is being trained."""

    def __init__(self) -> None:
        self.task = ""
        """The task that is being trained; empty if none is."""
        self._lock = threading.BoundedSemaphore()

    def acquire(self, task: str, timeout_s: float = 0.0) -> bool:
        """Acquire the lock for a task; return whether that succeeded within the timeout."""
        is_acquired = self._lock.acquire(timeout=timeout_s)
        if is_acquired:
            self.task = task
        return is_acquired

    def release(self) -> None:
        """Release the lock."""
        self.task = ""
        self._lock.release()
