"""What can be changed while the daemon runs: whether it listens, and the threshold of every label.

HOME/controls.json holds what differs from the configuration, so that it survives a restart; deleting the file
goes back to the configuration. Home Assistant and the page may both change the controls: each is notified of
the other's changes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock

from pydantic import BaseModel, ConfigDict, ValidationError

from edgecl.config.schema import Margin
from edgecl.detection import DetectionRule
from edgecl.store import atomic

CONTROLS_NAME = "controls.json"


class ControlsFile(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    listening: bool = True
    thresholds: dict[str, dict[str, Margin]] = {}
    """Task → label → the smallest accepted margin."""


class Controls:
    """The controls, changed by any thread and in effect from the next window on."""

    def __init__(
        self, rule_of: Callable[[str], DetectionRule], path: Path, warn: Callable[[str], None]
    ) -> None:
        """Read the file.

        Args:
            rule_of: maps a task's name to its configured detection rule.
            path: the file.
            warn: receives a sentence when the file cannot be read or written.
        """
        self._configured_rule = rule_of
        self._path = path
        self._warn = warn
        self._listeners: list[Callable[[], None]] = []
        self._lock = RLock()
        self._saved = _read(path, warn)
        self._thresholds: dict[str, dict[str, float]] = {}

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after every change, from the thread that made it."""
        self._listeners.append(listener)

    @property
    def listening(self) -> bool:
        """Return whether the sound of the source is processed."""
        return self._saved.listening

    @listening.setter
    def listening(self, on: bool) -> None:
        with self._change():
            self._saved.listening = on

    def get_rule(self, task: str) -> DetectionRule:
        """Return the detection rule of a task; its thresholds follow later changes."""
        return replace(self._configured_rule(task), thresholds=self._thresholds_of(task))

    def thresholds(self, task: str) -> Mapping[str, float]:
        """Label → the smallest accepted margin, for labels that differ from the task's own threshold."""
        return self._thresholds_of(task)

    def set_threshold(self, task: str, label: str, margin: float) -> None:
        """Set the smallest accepted margin of a label."""
        with self._change():
            self._thresholds_of(task)[label] = margin
            self._saved.thresholds.setdefault(task, {})[label] = margin

    def reset_threshold(self, task: str, label: str) -> None:
        """Reset the threshold of a label to the configured one, if any, or else to the task's own."""
        with self._change():
            configured = self._configured_rule(task).thresholds
            self._saved.thresholds.get(task, {}).pop(label, None)
            if label in configured:
                self._thresholds_of(task)[label] = configured[label]
            else:
                self._thresholds_of(task).pop(label, None)

    def reset_task(self, task: str) -> None:
        """Reset all labels of a task, so that a later task of the same name does not inherit them."""
        if task not in self._saved.thresholds:
            return
        with self._change():
            self._saved.thresholds.pop(task, None)
            thresholds = self._thresholds_of(task)
            thresholds.clear()
            thresholds.update(self._configured_rule(task).thresholds)

    def retain_tasks(self, tasks: Collection[str]) -> None:
        """Reset all tasks but these: the others are gone from the store."""
        for task in self._saved.thresholds.keys() - set(tasks):
            self.reset_task(task)

    def _thresholds_of(self, task: str) -> dict[str, float]:
        """Return the thresholds of a task, always the same dictionary: detection rules refer to it."""
        with self._lock:
            if task not in self._thresholds:
                saved = self._saved.thresholds.get(task, {})
                self._thresholds[task] = {**self._configured_rule(task).thresholds, **saved}
            return self._thresholds[task]

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Hold the lock during a change, then write the file and notify the listeners."""
        with self._lock:
            yield
            self._write()
        for listener in self._listeners:
            listener()

    def _write(self) -> None:
        try:
            atomic.write(self._path, self._saved.model_dump_json().encode())
        except OSError as error:
            self._warn(f"'{self._path}' cannot be written, it will not outlast a restart: {error}")


def _read(path: Path, warn: Callable[[str], None]) -> ControlsFile:
    """Return the content of the file; the defaults if it is missing or damaged."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):  # of a daemon that was killed
        leftover.unlink(missing_ok=True)
    try:
        return ControlsFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ControlsFile()
    except (OSError, ValidationError):
        warn(f"'{path}' cannot be read: thresholds and listening are as configured")
        return ControlsFile()
