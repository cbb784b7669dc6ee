"""The parts of the API that the pipeline feeds: events, windows, and changes of tasks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.live import LiveFeed
from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.clips import CLIPS_FOLDER
from device_runtime.daemon.sinks.queue import Sink
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class ApiFeeds:
    """The receivers of the API."""

    hub: EventHub
    live: LiveFeed
    event_audio: EventAudio

    @property
    def sinks(self) -> dict[str, Sink]:
        """The event sinks, by name."""
        return {"live events": self.hub.publish_event, "event audio": self.event_audio.add_event}

    def publish_tasks(self, tasks: Sequence[TaskBlob]) -> None:
        """Publish the names of the tasks in use."""
        self.hub.publish("tasks", {"tasks": [task.task for task in tasks]})

    def close(self) -> None:
        """End all subscriptions."""
        self.live.close()
        self.hub.close()


def open_feeds(
    home: Path,
    rate_hz: int,
    controls: Controls,
    ring_buffer: AudioRingBuffer | None,
    with_sound: bool,
    log: LogBuffer,
    supervisor: ThreadSupervisor,
) -> ApiFeeds:
    """Open the feeds, and publish every later line of the log.

    Args:
        home: folder of the clips.
        rate_hz: sample rate of the windows.
        controls: the thresholds in force.
        ring_buffer: the newest sound; None if the privacy level forbids it.
        with_sound: whether the privacy level allows spectrum and levels on the live feed.
        log: the log of the daemon.
        supervisor: runs the thread of the live feed.
    """
    hub = EventHub()
    log.subscribe(lambda line: hub.publish("log", asdict(line)))
    live = LiveFeed(hub, controls, rate_hz, with_sound, supervisor)
    return ApiFeeds(hub, live, EventAudio(ring_buffer, home / CLIPS_FOLDER))
