"""What can be changed while the daemon runs: whether it listens, to what, and the threshold of every label.

HOME/controls.json holds what differs from the configuration, so that it survives a restart; deleting the file
goes back to the configuration. Home Assistant and the page may both change the controls: each is notified of
the other's changes.

A change is in force at once; the file is written by the thread that made it, once for all changes that are
made while it is written.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, RLock
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgecl.config.schema import Margin
from edgecl.detection import DetectionRule
from edgecl.errors import StoreError
from edgecl.store import atomic
from edgecl.store.errors import translate_os_error

CONTROLS_NAME = "controls.json"


class ControlsFile(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    listening: bool = True
    microphone: Annotated[str, Field(max_length=200)] = ""
    """ALSA device to record from; empty: the configured one."""
    microphone_replaces: Annotated[str, Field(max_length=200)] = ""
    """The configured device that it replaces: another one in the configuration ends the choice."""
    thresholds: dict[str, dict[str, Margin]] = {}
    """Task → label → the smallest accepted margin."""


@dataclass(frozen=True)
class ThresholdChange:
    """A new threshold of a label."""

    task: str
    label: str
    margin: float | None
    """The smallest accepted margin; None: the configured one, if any, or else the task's own."""


class Controls:
    """The controls, changed by any thread and in effect from the next window on."""

    def __init__(
        self, rule_of: Callable[[str], DetectionRule], path: Path, warn: Callable[[str], None]
    ) -> None:
        """Read the file.

        Args:
            rule_of: maps a task's name to its configured detection rule.
            path: the file.
            warn: receives a sentence when the file cannot be read, or cannot be written by `reset_task`.
        """
        self._configured_rule = rule_of
        self._path = path
        self._warn = warn
        self._listeners: list[Callable[[], None]] = []
        self._lock = RLock()
        self._writing = Lock()
        self._saved = _read(path, warn)
        self._written = ""
        self._thresholds: dict[str, dict[str, float]] = {}

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after every change, from the thread that made it."""
        self._listeners.append(listener)

    @property
    def listening(self) -> bool:
        """Return whether the sound of the source is processed."""
        return self._saved.listening

    @property
    def microphone(self) -> str:
        """Return the chosen ALSA device; empty: the configured one."""
        return self._saved.microphone

    def choose_microphone(self, name: str, configured: str) -> None:
        """Record from this ALSA device from now on; empty: from the configured one.

        Raises:
            StoreError: the choice is in force, but cannot be saved.
        """
        with self._lock:
            self._saved.microphone, self._saved.microphone_replaces = name, configured
        self._notify()
        self._save()

    def retain_microphone(self, configured: str) -> None:
        """Drop the choice of a microphone unless it was made in place of this configured device."""
        with self._lock:
            if self._saved.microphone_replaces != configured:
                self._saved.microphone = ""

    def get_rule(self, task: str) -> DetectionRule:
        """Return the detection rule of a task; its thresholds follow later changes."""
        return replace(self._configured_rule(task), thresholds=self._thresholds_of(task))

    def thresholds(self, task: str) -> Mapping[str, float]:
        """Label → the smallest accepted margin, for labels that differ from the task's own threshold."""
        return self._thresholds_of(task)

    def change(self, thresholds: Sequence[ThresholdChange] = (), listening: bool | None = None) -> None:
        """Make several changes at once.

        Args:
            thresholds: the new thresholds.
            listening: whether the source is listened to; None: as before.

        Raises:
            StoreError: the changes are in force, but cannot be saved.
        """
        with self._lock:
            if listening is not None:
                self._saved.listening = listening
            for change in thresholds:
                self._set_threshold(change)
        self._notify()
        self._save()

    def reset_task(self, task: str) -> None:
        """Reset all labels of a task, so that a later task of the same name does not inherit them."""
        with self._lock:
            if self._saved.thresholds.pop(task, None) is None:
                return
            thresholds = self._thresholds_of(task)
            thresholds.clear()
            thresholds.update(self._configured_rule(task).thresholds)
        self._notify()
        try:
            self._save()
        except StoreError as error:  # at the next start `retain_tasks` resets it again
            self._warn(error.message)

    def retain_tasks(self, tasks: Collection[str]) -> None:
        """Reset all tasks but these: the others are gone from the store."""
        for task in self._saved.thresholds.keys() - set(tasks):
            self.reset_task(task)

    def _set_threshold(self, change: ThresholdChange) -> None:
        configured, saved = self._configured_rule(change.task).thresholds, self._saved.thresholds
        in_force = configured.get(change.label) if change.margin is None else change.margin
        if in_force is None:
            self._thresholds_of(change.task).pop(change.label, None)
        else:
            self._thresholds_of(change.task)[change.label] = in_force
        if change.margin is None:
            saved.get(change.task, {}).pop(change.label, None)
        else:
            saved.setdefault(change.task, {})[change.label] = change.margin

    def _thresholds_of(self, task: str) -> dict[str, float]:
        """Return the thresholds of a task, always the same dictionary: detection rules refer to it."""
        with self._lock:
            if task not in self._thresholds:
                saved = self._saved.thresholds.get(task, {})
                self._thresholds[task] = {**self._configured_rule(task).thresholds, **saved}
            return self._thresholds[task]

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()

    def _save(self) -> None:
        with self._writing:
            with self._lock:
                document = self._saved.model_dump_json()
            if document == self._written:
                return
            try:
                atomic.write(self._path, document.encode())
            except OSError as error:
                consequence = "the change is in force, but will not outlast a restart"
                reason = f"'{self._path.name}' cannot be written"
                raise translate_os_error(reason, error, consequence) from None
            self._written = document


def _read(path: Path, warn: Callable[[str], None]) -> ControlsFile:
    """Return the content of the file; the defaults if it is missing or damaged."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):  # of a daemon that was killed
        leftover.unlink(missing_ok=True)
    try:
        return ControlsFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ControlsFile()
    except (OSError, ValidationError):
        warn(f"'{path}' cannot be read: thresholds, listening and microphone are as configured")
        return ControlsFile()
