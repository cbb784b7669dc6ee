"""The tasks of a store, watched while they change: what is enrolled meanwhile is heard a second later."""

import time
from collections.abc import Callable
from pathlib import Path

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from edgecl.errors import EdgeclError
from edgecl.store.blob import TaskBlob
from edgecl.store.registry import REGISTRY_NAME
from edgecl.store.store import Store

LOOKED_EVERY_S = 1.0


class TaskWatcher:
    """All tasks of a home that can be heard; none is no reason not to listen."""

    def __init__(self, home: Path, runtime: Runtime, complain: Callable[[str], None]) -> None:
        """`complain` is told of every task that cannot be used."""
        self._home = home
        self._runtime = runtime
        self._complain = complain
        self.names: frozenset[str] = frozenset()
        """Those in the store when this was last asked, also those that cannot be heard."""
        self._seen: tuple[int, ...] = ()
        self._look_at_s = 0.0

    def news(self) -> Recognizer | None:
        """All tasks, where any of them changed since this was last asked; None where none did.

        Raises:
            EdgeclError: the store cannot be opened, the first time; later that is only complained of.
        """
        if time.monotonic() < self._look_at_s:
            return None
        self._look_at_s = time.monotonic() + LOOKED_EVERY_S
        stamp = self._stamp()
        if stamp and stamp == self._seen:
            return None
        try:
            tasks = self._load()
        except EdgeclError as error:
            if not self._seen:
                raise
            self._complain(error.message)
            return None
        self._seen = stamp or self._stamp()
        return Recognizer(self._runtime, tasks)

    def _stamp(self) -> tuple[int, ...]:
        """What changes with the registry; empty where there is none."""
        try:
            stat = (self._home / REGISTRY_NAME).stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _load(self) -> list[TaskBlob]:
        with Store.open(self._home, create=True) as store:
            self.names = frozenset(entry.task for entry in store.list_tasks())
            try:
                return load_tasks(store, self._runtime.bundle.manifest)
            except EdgeclError as error:
                self._complain(error.message)
                return []
            finally:
                for warning in store.warnings:
                    self._complain(warning)
