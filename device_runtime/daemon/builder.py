"""Builds the daemon from a configuration: the only place that knows which part is connected to which."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from device_runtime.daemon.controls import CONTROLS_NAME, Controls
from device_runtime.daemon.folder_import.importer import FolderImporter
from device_runtime.daemon.folder_import.watcher import watch_folder
from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.loop import Pipeline, ignore_update
from device_runtime.daemon.pipeline.loudness_trigger import LoudTrigger
from device_runtime.daemon.pipeline.redaction import RedactingEventBuilder
from device_runtime.daemon.pipeline.ring_buffer import API_BUFFER_S, AudioRingBuffer
from device_runtime.daemon.pipeline.stream_processor import StreamProcessor, StreamUpdate
from device_runtime.daemon.sinks.clips import (
    BUFFER_S,
    CLIPS_FOLDER,
    QUEUE_BYTES,
    Clip,
    ClipFolder,
    ClipRecorder,
)
from device_runtime.daemon.sinks.factory import open_sinks
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME
from device_runtime.daemon.sinks.queue import Sink, SinkQueue
from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.factory import open_configured
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.wrappers import SwitchableSource, Tap, WatchdogSource
from device_runtime.daemon.system.daemon_lock import lock_for_daemon
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.system.sd_notify import Notifier
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.daemon.task_watcher import TaskWatcher
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer
from device_runtime.system.memory import release_free_memory
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.installed import InstalledBundles
from edgecl.config.privacy import NO_HISTORY, NO_MICROPHONE, NO_RECORDINGS, Privacy
from edgecl.config.schema import ClipsConfig, Config
from edgecl.errors import EdgeclError, UsageError
from edgecl.events import Event
from edgecl.store.blob import TaskBlob

if TYPE_CHECKING:
    from device_runtime.daemon.api.feeds import ApiFeeds

MEGABYTE = 1_000_000
API_PACKAGES = ("fastapi", "starlette", "uvicorn", "prometheus_client", "cryptography")

Log = Callable[[str], None]
TaskListener = Callable[[Sequence[TaskBlob]], None]


@dataclass(frozen=True)
class Daemon:
    """A daemon that is ready to run."""

    pipeline: Pipeline
    notifier: Notifier

    def run(self, stopped: Callable[[], bool]) -> None:
        """Run until the source ends or `stopped` returns True, and report to the service manager.

        Raises:
            SourceError: the source broke off.
        """
        release_free_memory()
        self.notifier.notify_ready()
        self.pipeline.run(stopped)
        self.notifier.notify_stopping()


@contextmanager
def open_daemon(config: Config, workspace: Workspace, log: LogBuffer) -> Iterator[Daemon]:
    """Build the daemon of a configuration, and close all its parts at the end.

    Args:
        config: the configuration; its folders `home` and `bundle` are those of the workspace.
        workspace: the store, and the bundle with which sounds are detected and tasks trained.
        log: receives all messages.

    Raises:
        EdgeclError: the bundle, the store, the source, a sink or the API cannot be opened.
    """
    with ExitStack() as closing:
        yield _build_daemon(config, workspace, log, closing)


@contextmanager
def open_listener(
    source: Source,
    recognizer: Recognizer,
    sink: Sink,
    display: Sink,
    on_update: Callable[[StreamUpdate], None],
    loud_dbfs: float | None = None,
) -> Iterator[Pipeline]:
    """Build the pipeline of `edgecl listen`; close its queues and the source at the end.

    Args:
        source: the source; a recording waits for the sink, any other drops events while the sink is busy.
        recognizer: detects the sounds.
        sink: receives every event.
        display: receives every event unless it is busy.
        on_update: called for every window.
        loud_dbfs: level from which any sound is detected; None: no level is.
    """
    with ExitStack() as closing:
        closing.callback(source.close)
        supervisor = ThreadSupervisor(lambda text: print(text, file=sys.stderr))
        queues = [
            SinkQueue(sink, blocks=isinstance(source, FileSource), name="events", supervisor=supervisor),
            SinkQueue(display, name="display", supervisor=supervisor),
        ]
        for queue in queues:
            closing.callback(queue.close)
        trigger = None if loud_dbfs is None else LoudTrigger(loud_dbfs)
        processor = StreamProcessor(StreamRecognizer(recognizer), source.rate_hz, trigger)
        yield Pipeline(source, processor, EventBuilder(source.name, recognizer.tasks), queues, on_update)


def _build_daemon(config: Config, workspace: Workspace, log: LogBuffer, closing: ExitStack) -> Daemon:
    home = workspace.home
    _check_watched_folder(config.watch.folder, home)
    closing.enter_context(lock_for_daemon(home))
    runtime = workspace.open_runtime()
    workspace = replace(workspace, bundle=runtime.bundle.path)  # for workers, also after an update
    closing.enter_context(InstalledBundles(home).keep_in_use(runtime.bundle.path))
    notifier, training_lock, supervisor = Notifier(), TrainingLock(), ThreadSupervisor(log.write)
    watcher = TaskWatcher(home, runtime, log.write)
    recognizer = watcher.poll() or Recognizer(runtime, [])
    for warning in (*_check_tasks(config, recognizer.tasks), *_check_leftovers(config.privacy, home)):
        log.write(warning)
    controls = Controls(config.get_rule, home / CONTROLS_NAME, log.write)
    controls.retain_tasks(watcher.task_names)
    controls.retain_microphone(config.source.device)
    if controls.microphone:
        log.write(
            f"the microphone '{controls.microphone}', chosen on the page, replaces '{config.source.device}'"
        )
    ring_buffer = _create_ring_buffer(config, runtime.rate_hz)
    feeds = _open_feeds(config, home, runtime.rate_hz, controls, ring_buffer, log, supervisor)
    sinks = open_sinks(config, home, controls, log.write, supervisor, closing)
    sinks.set_tasks(recognizer.tasks)
    watched = WatchdogSource(
        open_configured(config.source, lambda: controls.microphone), notifier.feed_watchdog
    )
    source = Tap(SwitchableSource(watched, lambda: controls.listening))
    closing.callback(source.close)
    trigger = None if config.loud.level_dbfs is None else LoudTrigger(config.loud.level_dbfs)
    stream = StreamRecognizer(recognizer, controls.get_rule)
    clip_recorder = _open_clip_recorder(config.clips, home, ring_buffer, log.write, supervisor, closing)
    builder = RedactingEventBuilder if config.privacy >= NO_HISTORY else EventBuilder
    receivers = {**sinks.sinks, "service manager": notifier.report, **(feeds.sinks if feeds else {})}
    pipeline = Pipeline(
        source,
        StreamProcessor(stream, source.rate_hz, trigger, ring_buffer),
        builder(source.name, recognizer.tasks, clip_recorder),
        [_open_queue(name, sink, log.write, supervisor, closing) for name, sink in receivers.items()],
        feeds.live.add if feeds else ignore_update,
        _follow_tasks(
            watcher, controls, [sinks.set_tasks, *([feeds.publish_tasks] if feeds else [])], log.write
        ),
        supervisor.take_faults,
    )
    if feeds:
        from device_runtime.daemon.api.server import serve_api  # noqa: PLC0415  (an extra)

        api = serve_api(
            config,
            workspace,
            runtime.bundle,
            pipeline,
            source,
            controls,
            feeds,
            training_lock,
            log,
            supervisor,
            sinks,
        )
        closing.enter_context(api)
    if config.watch.folder:
        importer = FolderImporter(workspace, training_lock, log.write)
        closing.enter_context(watch_folder(Path(config.watch.folder), importer, log.write, supervisor))
    return Daemon(pipeline, notifier)


def _check_tasks(config: Config, tasks: Sequence[TaskBlob]) -> Iterator[str]:
    """Yield a warning for every task and label of the configuration that does not exist."""
    yield from config.find_unknown_tasks([task.task for task in tasks])
    for task in tasks:
        yield from config.find_unknown_labels(task.task, task.labels)


def _check_watched_folder(folder: str, home: Path) -> None:
    """Refuse a watched folder in which the files of the home would be taken for recordings.

    Raises:
        UsageError: it is the home, or the home lies in it.
    """
    if folder and home.resolve().is_relative_to(Path(folder).resolve()):
        reason = f"watch.folder is '{folder}', which holds the home of edgecl, '{home}'"
        raise UsageError(reason, "watch a folder that holds nothing but recordings")


def _check_leftovers(privacy: Privacy, home: Path) -> Iterator[str]:
    """Yield a warning for everything an earlier daemon stored that the privacy level now forbids."""
    for name, forbidden_from in ((CLIPS_FOLDER, NO_RECORDINGS), (HISTORY_NAME, NO_HISTORY)):
        path = home / name
        if privacy >= forbidden_from and path.exists():
            yield f"'{path}' holds earlier sounds; nothing is added to it, and it may be deleted"


def _create_ring_buffer(config: Config, rate_hz: int) -> AudioRingBuffer | None:
    """Create a ring buffer as long as the API and the clips need it; None if neither does."""
    if config.api.enabled and config.privacy < NO_MICROPHONE:
        return AudioRingBuffer(rate_hz, API_BUFFER_S)
    return AudioRingBuffer(rate_hz, BUFFER_S) if config.clips.keep else None


def _open_feeds(
    config: Config,
    home: Path,
    rate_hz: int,
    controls: Controls,
    ring_buffer: AudioRingBuffer | None,
    log: LogBuffer,
    supervisor: ThreadSupervisor,
) -> "ApiFeeds | None":
    """Open the parts of the API that the pipeline feeds; None if the API is switched off.

    Raises:
        EdgeclError: the extra is not installed.
    """
    if not config.api.enabled:
        return None
    try:
        from device_runtime.daemon.api.feeds import open_feeds  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        if error.name not in API_PACKAGES:
            raise
        reason = f"the HTTP API needs '{error.name}', which is not installed"
        hint = "in the clone: pip install '.[daemon]', or leave the API out: --no-api"
        raise EdgeclError(reason, hint) from None
    with_sound = config.privacy < NO_MICROPHONE
    return open_feeds(home, rate_hz, controls, ring_buffer, with_sound, log, supervisor)


def _open_clip_recorder(
    config: ClipsConfig,
    home: Path,
    ring_buffer: AudioRingBuffer | None,
    warn: Log,
    supervisor: ThreadSupervisor,
    closing: ExitStack,
) -> ClipRecorder | None:
    if not config.keep or ring_buffer is None:
        return None
    folder = ClipFolder(home / CLIPS_FOLDER, round(config.quota_mb * MEGABYTE))
    queue: SinkQueue[Clip] = SinkQueue(
        folder.write,
        warn=warn,
        capacity=QUEUE_BYTES,
        size_of=lambda clip: clip.size_bytes,
        item_name="clips",
        name="clips",
        supervisor=supervisor,
    )
    closing.callback(queue.close)
    return ClipRecorder(ring_buffer, folder, queue)


def _open_queue(
    name: str, sink: Sink, warn: Log, supervisor: ThreadSupervisor, closing: ExitStack
) -> SinkQueue[Event]:
    queue = SinkQueue(sink, warn=warn, name=name, supervisor=supervisor)
    closing.callback(queue.close)
    return queue


def _follow_tasks(
    watcher: TaskWatcher, controls: Controls, listeners: Sequence[TaskListener], log: Log
) -> Callable[[], Recognizer | None]:
    """Return a function that polls the store, and reports a change to the log, controls and listeners."""

    def poll() -> Recognizer | None:
        recognizer = watcher.poll()
        if recognizer is not None:
            controls.retain_tasks(watcher.task_names)
            for listener in listeners:
                listener(recognizer.tasks)
            log(f"tasks in use: {', '.join(task.task for task in recognizer.tasks) or 'none'}")
        return recognizer

    return poll
