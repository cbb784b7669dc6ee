"""A source as it passes through other hands: what stands between it and the listener sees every block."""

from abc import ABC, abstractmethod

from device_runtime.daemon.sources.base import Block, Condition, Source


class SourceWrapper(ABC):
    """Another source, block by block; subclasses say what becomes of each."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name
        self.rate_hz = source.rate_hz

    @property
    def condition(self) -> Condition:
        """See `Source`."""
        return self._source.condition

    @property
    def lost_frames(self) -> int:
        """See `Source`."""
        return self._source.lost_frames

    def read(self, within_s: float) -> Block | None:
        """See `Source`."""
        block = self._source.read(within_s)
        return None if block is None else self.passed(block)

    @abstractmethod
    def passed(self, block: Block) -> Block:
        """What is handed on of a block."""

    def close(self) -> None:
        """See `Source`."""
        self._source.close()
