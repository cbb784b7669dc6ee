"""Controls that outlast a restart: HOME/controls.json holds what differs from the configuration.

Who deletes that file goes back to what is configured. Home Assistant and the page may both change them, and
each is told what the other did.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from pydantic import BaseModel, ConfigDict, ValidationError

from device_runtime.daemon.controls import Controls
from edgecl.config.schema import Margin
from edgecl.detection import DetectionRule
from edgecl.store import atomic

CONTROLS_NAME = "controls.json"


class ControlsFile(BaseModel):
    """What is kept."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    listening: bool = True
    thresholds: dict[str, dict[str, Margin]] = {}
    """Task → label → the smallest margin that counts."""


class SavedControls(Controls):
    """What may be changed, as it was left."""

    def __init__(
        self, rule_of: Callable[[str], DetectionRule], path: Path, complain: Callable[[str], None]
    ) -> None:
        """Take up what is kept.

        Args:
            rule_of: from a task's name to when its sounds count, as configured.
            path: the file.
            complain: is told where it cannot be read or written.
        """
        self._path: Path | None = None  # nothing is kept while they are set up
        self._complain = complain
        self._told: list[Callable[[], None]] = []
        self._lock = RLock()
        self._saved = ControlsFile()
        super().__init__(rule_of)
        self._saved, self._path = _read(path, complain), path

    def tell(self, changed: Callable[[], None]) -> None:
        """Have somebody told of every change."""
        self._told.append(changed)

    @property
    def listening(self) -> bool:
        """Whether the source is heard."""
        return self._saved.listening

    @listening.setter
    def listening(self, on: bool) -> None:
        with self._changing():
            self._saved.listening = on

    def set_threshold(self, task: str, label: str, margin: float) -> None:
        """See `Controls`."""
        with self._changing():
            super().set_threshold(task, label, margin)
            self._saved.thresholds.setdefault(task, {})[label] = margin

    def reset_threshold(self, task: str, label: str) -> None:
        """Have a label count as it is configured."""
        with self._changing():
            configured = self._configured(task).thresholds
            self._saved.thresholds.get(task, {}).pop(label, None)
            if label in configured:
                super().set_threshold(task, label, configured[label])
            else:
                self._of(task).pop(label, None)

    def forget(self, task: str) -> None:
        """Have all labels of a task count as they are configured, before another task has its name."""
        if task not in self._saved.thresholds:
            return
        with self._changing():
            self._saved.thresholds.pop(task, None)
            thresholds = self._of(task)
            thresholds.clear()
            thresholds.update(self._configured(task).thresholds)

    def keep_only(self, tasks: Collection[str]) -> None:
        """Forget all others: they are gone from the store."""
        for task in self._saved.thresholds.keys() - set(tasks):
            self.forget(task)

    def _of(self, task: str) -> dict[str, float]:
        """The thresholds of a task: one dictionary for ever, which its rule looks into."""
        with self._lock:
            if task not in self._thresholds:
                super()._of(task).update(self._saved.thresholds.get(task, {}))
            return self._thresholds[task]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change by one thread at a time; it is kept, and told to others."""
        with self._lock:
            yield
            self._keep()
        for changed in self._told:
            changed()

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            atomic.write(self._path, self._saved.model_dump_json().encode())
        except OSError as error:
            self._complain(f"'{self._path}' cannot be written, it will not outlast a restart: {error}")


def _read(path: Path, complain: Callable[[str], None]) -> ControlsFile:
    """What the file holds; nothing, where it holds nothing of use."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):  # of a daemon that was killed
        left.unlink(missing_ok=True)
    try:
        return ControlsFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ControlsFile()
    except (OSError, ValidationError):
        complain(f"'{path}' cannot be read: thresholds and listening are as configured")
        return ControlsFile()
