"""What may be changed while the daemon runs: whether it listens, and from which margin a label counts."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from device_runtime.daemon.sources.base import NOTHING, Block, Source
from device_runtime.daemon.sources.wrappers import SourceWrapper
from edgecl.detection import DetectionRule


class Controls:
    """Set by one thread, heeded by another from the next window on."""

    def __init__(self, rule_of: Callable[[str], DetectionRule]) -> None:
        """`rule_of`: from a task's name to when its sounds count, as configured."""
        self.listening = True
        self._configured = rule_of
        self._thresholds: dict[str, dict[str, float]] = {}

    def rule_of(self, task: str) -> DetectionRule:
        """When a sound of a task counts; its thresholds follow what is set later."""
        return replace(self._configured(task), thresholds=self._of(task))

    def thresholds(self, task: str) -> Mapping[str, float]:
        """Label → the smallest margin that counts, where it differs from the task's own."""
        return self._of(task)

    def set_threshold(self, task: str, label: str, margin: float) -> None:
        """Have a label of a task count from this margin on."""
        self._of(task)[label] = margin

    def _of(self, task: str) -> dict[str, float]:
        return self._thresholds.setdefault(task, dict(self._configured(task).thresholds))


class SwitchableSource(SourceWrapper):
    """A source of which nothing is heard while listening is switched off; it is read all the same."""

    def __init__(self, source: Source, controls: Controls) -> None:
        super().__init__(source)
        self._controls = controls

    def passed(self, block: Block) -> Block:
        """The block, without its sound while nobody listens."""
        if self._controls.listening:
            return block
        return Block(block.next_frame, NOTHING, block.captured_s)
