"""The loop: one source, all that is heard in it, everybody who is told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.stream_processor import StreamProcessor, StreamUpdate
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sources.base import STARTING, Block, Condition, Source
from device_runtime.recognition.recognizer import Recognizer
from edgecl.events import Event

ASKED_EVERY_S = 0.25
"""How soon a wish to stop is heeded."""


@dataclass
class Pipeline:
    """One source and what becomes of it."""

    source: Source
    ear: StreamProcessor
    reporter: EventBuilder
    outboxes: Sequence[SinkQueue[Event]]
    watch: Callable[[StreamUpdate], None]
    """Sees every window."""
    news: Callable[[], Recognizer | None] = lambda: None
    """Asked again and again; what it gives is heard with from then on."""
    frames: int = 0
    """How many were heard;"""
    sounds: int = 0
    """how many sounds in them, up to now."""
    windows: int = 0
    """How many were heard,"""
    busy_s: float = 0.0
    """and what they took together."""
    _told: Condition = STARTING

    def run(self, stopped: Callable[[], bool]) -> None:
        """Listen until the source ends, somebody wishes to stop, or nobody takes the events any more.

        Raises:
            SourceError: the source broke off.
        """
        try:
            while not stopped() and not any(outbox.is_closed for outbox in self.outboxes):
                self._learn()
                block = self.source.read(ASKED_EVERY_S)
                self._tell_condition()
                if block is None:
                    break
                self.frames += block.waveform.size
                self._hear(block)
        finally:
            for report in self.ear.finish():
                self._tell(report)

    @property
    def heard_s(self) -> float:
        """How much sound was heard."""
        return self.frames / self.source.rate_hz

    @property
    def window_ms(self) -> float:
        """What a window took in the mean: backbone, every task, and telling of it."""
        return 1000 * self.busy_s / self.windows if self.windows else 0.0

    def _hear(self, block: Block) -> None:
        began_s = time.perf_counter()
        for report in self.ear.take(block):
            self.windows += report.moment is not None
            self._tell(report)
        self.busy_s += time.perf_counter() - began_s

    def _learn(self) -> None:
        recognizer = self.news()
        if recognizer is not None:
            self._tell(self.ear.teach(recognizer))
            self.reporter.teach(recognizer.tasks)

    def _tell(self, report: StreamUpdate) -> None:
        self.watch(report)
        for event in self.reporter.sounds(report):
            self.sounds += event.phase == "new"
            self._send(event)

    def _tell_condition(self) -> None:
        condition = self.source.condition
        if condition != self._told:
            self._told = condition
            self._send(self.reporter.condition(condition, self.source.lost_frames, time.time()))

    def _send(self, event: Event) -> None:
        for outbox in self.outboxes:
            outbox.put(event)
