"""The main loop: reads one source, detects sounds in it, and queues events for every sink."""

import time
from collections.abc import Callable, Sequence

from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.stream_processor import StreamProcessor, StreamUpdate
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sources.base import STARTING, Block, Condition, Source
from device_runtime.recognition.recognizer import Recognizer
from edgecl.events import Event, FaultEvent

POLL_INTERVAL_S = 0.25
"""How often `stopped` is checked while no sound arrives."""


def ignore_update(update: StreamUpdate) -> None:
    """Do nothing."""


def _keep_tasks() -> Recognizer | None:
    """Never change the tasks."""


def _find_no_faults() -> Sequence[FaultEvent]:
    """Report nothing."""
    return ()


class Pipeline:
    """One source, what is detected in it, and the queues of the sinks."""

    def __init__(
        self,
        source: Source,
        processor: StreamProcessor,
        event_builder: EventBuilder,
        queues: Sequence[SinkQueue[Event]],
        on_update: Callable[[StreamUpdate], None] = ignore_update,
        poll_tasks: Callable[[], Recognizer | None] = _keep_tasks,
        poll_faults: Callable[[], Sequence[FaultEvent]] = _find_no_faults,
    ) -> None:
        """Connect the parts.

        Args:
            source: is read, not closed.
            processor: detects sounds in the blocks of the source.
            event_builder: turns detections into events.
            queues: receive every event.
            on_update: called for every window.
            poll_tasks: called again and again; a recognizer it returns replaces the tasks.
            poll_faults: called again and again; returns the failures that become events.
        """
        self._source = source
        self._processor = processor
        self._event_builder = event_builder
        self._queues = queues
        self._on_update = on_update
        self._poll_tasks = poll_tasks
        self._poll_faults = poll_faults
        self._condition: Condition = STARTING
        self._frames = 0
        self._windows = 0
        self._busy_s = 0.0
        self.sound_count = 0
        """Number of sounds detected until now."""

    def run(self, stopped: Callable[[], bool]) -> None:
        """Run until the source ends, `stopped` returns True, or a sink has been closed by its reader.

        Raises:
            SourceError: the source broke off.
        """
        try:
            while not stopped() and not any(queue.is_closed for queue in self._queues):
                self._update_tasks()
                for fault in self._poll_faults():
                    self._send(fault)
                block = self._source.read(POLL_INTERVAL_S)
                self._report_condition()
                if block is None:
                    break
                self._process(block)
        finally:
            for update in self._processor.finish():
                self._emit(update)

    @property
    def processed_s(self) -> float:
        """Seconds of sound processed."""
        return self._frames / self._source.rate_hz

    @property
    def window_ms(self) -> float:
        """Mean time a window took: backbone, every task, and queueing its events."""
        return 1000 * self._busy_s / self._windows if self._windows else 0.0

    @property
    def dropped_events(self) -> int:
        """Number of events that a sink had no room for or failed to take, summed over the sinks."""
        return sum(queue.lost for queue in self._queues)

    @property
    def task_names(self) -> list[str]:
        """The tasks in use."""
        return self._event_builder.task_names

    def is_active(self, task: str, sha256: str) -> bool:
        """Return whether this version of a task is in use."""
        return self._event_builder.is_active(task, sha256)

    def summary(self, with_sounds: bool = True) -> str:
        """Return a sentence on how much was processed, detected (unless privacy forbids it) and lost."""
        parts = [f"{self.processed_s:.0f} s processed"]
        if with_sounds:
            parts.append(f"{self.sound_count} {'sound' if self.sound_count == 1 else 'sounds'}")
        lost = {
            "frames lost": self._source.lost_frames,
            "events dropped": self.dropped_events,
            "clips dropped": self._event_builder.dropped_clips,
        }
        return ", ".join([*parts, *(f"{count} {what}" for what, count in lost.items() if count)])

    def _process(self, block: Block) -> None:
        started_s = time.perf_counter()
        self._frames += block.waveform.size
        for update in self._processor.process(block):
            self._windows += update.window is not None
            self._emit(update)
        self._busy_s += time.perf_counter() - started_s

    def _update_tasks(self) -> None:
        recognizer = self._poll_tasks()
        if recognizer is not None:
            self._emit(self._processor.set_recognizer(recognizer))
            self._event_builder.set_tasks(recognizer.tasks)

    def _emit(self, update: StreamUpdate) -> None:
        self._on_update(update)
        for event in self._event_builder.sound_events(update):
            self.sound_count += event.phase == "new"
            self._send(event)

    def _report_condition(self) -> None:
        condition = self._source.condition
        if condition != self._condition:
            self._condition = condition
            self._send(self._event_builder.source_event(condition, self._source.lost_frames, time.time()))

    def _send(self, event: Event) -> None:
        for queue in self._queues:
            queue.put(event)
