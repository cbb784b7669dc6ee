"""From a configuration to a station, with everything that belongs to it opened."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.daemon.controls import SwitchableSource
from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.loop import Pipeline
from device_runtime.daemon.pipeline.loudness_trigger import LoudTrigger
from device_runtime.daemon.pipeline.redaction import RedactingEventBuilder
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.pipeline.stream_processor import StreamProcessor
from device_runtime.daemon.saved_controls import CONTROLS_NAME, SavedControls
from device_runtime.daemon.sinks.clips import (
    CLIPS_FOLDER,
    REMEMBERED_S,
    WAITING_BYTES,
    Clip,
    ClipFolder,
    ClipKeeper,
)
from device_runtime.daemon.sinks.factory import open_sinks
from device_runtime.daemon.sinks.history import HistoryWriter, Retention
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.factory import command_source, microphone, path_source
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.daemon.system.sd_notify import Notifier, WatchdogSource
from device_runtime.daemon.task_watcher import TaskWatcher
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer
from edgecl.config.privacy import NO_HISTORY, NO_MICROPHONE, NO_RECORDINGS, Privacy
from edgecl.config.schema import ClipsConfig, Config, SourceConfig
from edgecl.events import Event

MEGABYTE = 1_000_000
ASKED_FOR_S = 120.0
"""What the API can be asked for of the sound that was."""

Complain = Callable[[str], None]
"""Told, in a sentence, what goes wrong without stopping anything."""


@dataclass(frozen=True)
class PipelineBundle:
    """A station, and what belongs to it."""

    station: Pipeline
    controls: SavedControls
    recent: AudioRingBuffer | None
    """The newest sound, where anybody may ask for it."""
    turn: TrainingLock = field(default_factory=TrainingLock)
    """Held by whoever teaches a task."""


def station_of(
    config: Config,
    home: Path,
    runtime: Runtime,
    told: Sequence[Callable[[Event], None]],
    complain: Complain,
    closing: ExitStack,
    notifier: Notifier,
) -> PipelineBundle:
    """The station of a configuration, ready to run, with what others may ask of it.

    Args:
        told: who is told of events, beside the history.
        closing: closes what is opened here, the sinks once they have taken all.
        notifier: is told of every sign of life.

    Raises:
        EdgeclError: the source, the store or the history cannot be opened.
    """
    tasks = TaskWatcher(home, runtime, complain)
    recognizer = tasks.news() or Recognizer(runtime, [])
    for fault in config.find_unknown_tasks([task.task for task in recognizer.tasks]):
        complain(fault)
    for task in recognizer.tasks:
        for fault in config.find_unknown_labels(task.task, task.labels):
            complain(fault)
    for left in _left(config.privacy, home):
        complain(left)
    controls = SavedControls(config.get_rule, home / CONTROLS_NAME, complain)
    controls.keep_only(tasks.names)
    beyond = open_sinks(config, controls, complain, closing)
    beyond.teach(recognizer.tasks)
    source = SwitchableSource(WatchdogSource(source_of(config.source), notifier), controls)
    closing.callback(source.close)
    recent = _recent(config, runtime.rate_hz)
    keeper = _keeper(config.clips, home, recent, complain, closing)
    trigger = None if config.loud.level_dbfs is None else LoudTrigger(config.loud.level_dbfs)
    ear = StreamProcessor(StreamRecognizer(recognizer, controls.rule_of), source.rate_hz, trigger, recent)
    kind = RedactingEventBuilder if config.privacy >= NO_HISTORY else EventBuilder
    reporter = kind(source.name, recognizer.tasks, keeper)
    sinks = [*_kept(config, home, closing), *beyond.sinks, *told]
    outboxes = [_outbox(sink, complain, closing) for sink in sinks]

    def news() -> Recognizer | None:
        changed = tasks.news()
        if changed is not None:
            controls.keep_only(tasks.names)
            beyond.teach(changed.tasks)
        return changed

    return PipelineBundle(
        Pipeline(source, ear, reporter, outboxes, lambda report: None, news), controls, recent
    )


def source_of(config: SourceConfig) -> Source:
    """The source that a configuration names; one that others write into is opened again and again."""
    form = PcmFormat(config.rate_hz, config.channels, Encoding(config.encoding))
    if config.command:
        return command_source(config.command, form)
    if config.path:
        return path_source(Path(config.path), form)
    return microphone(config.device, form)


def _left(privacy: Privacy, home: Path) -> Iterator[str]:
    """A sentence for whatever an earlier daemon kept that this one may not keep."""
    for name, forbidden_from in ((CLIPS_FOLDER, NO_RECORDINGS), (HISTORY_NAME, NO_HISTORY)):
        path = home / name
        if privacy >= forbidden_from and path.exists():
            yield f"'{path}' holds what was heard before; it grows no more, and may be deleted"


def _kept(config: Config, home: Path, closing: ExitStack) -> list[Callable[[Event], None]]:
    """The history, where there may be one."""
    if config.privacy >= NO_HISTORY:
        return []
    history = HistoryWriter(home / HISTORY_NAME, Retention(config.history.days, config.history.sounds))
    closing.callback(history.close)
    return [history.take]


def _recent(config: Config, rate_hz: int) -> AudioRingBuffer | None:
    """What is remembered of the sound: as much as those need who may have it."""
    if config.api.enabled and config.privacy < NO_MICROPHONE:
        return AudioRingBuffer(rate_hz, ASKED_FOR_S)
    return AudioRingBuffer(rate_hz, REMEMBERED_S) if config.clips.keep else None


def _keeper(
    config: ClipsConfig, home: Path, recent: AudioRingBuffer | None, complain: Complain, closing: ExitStack
) -> ClipKeeper | None:
    if not config.keep or recent is None:
        return None
    clips = ClipFolder(home / CLIPS_FOLDER, round(config.quota_mb * MEGABYTE))
    outbox: SinkQueue[Clip] = SinkQueue(
        clips.take,
        complain=complain,
        room=WAITING_BYTES,
        size_of=lambda clip: clip.size_bytes,
        called="clips",
    )
    closing.callback(outbox.close)
    return ClipKeeper(recent, clips, outbox)


def _outbox(sink: Callable[[Event], None], complain: Complain, closing: ExitStack) -> SinkQueue[Event]:
    outbox = SinkQueue(sink, complain=complain)
    closing.callback(outbox.close)
    return outbox
