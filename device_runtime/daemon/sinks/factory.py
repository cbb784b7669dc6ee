"""Opening the sinks of a configuration: stdout, log, history, webhook and MQTT."""

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.loudness_trigger import LABEL, TASK
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME
from device_runtime.daemon.sinks.history_sink import HistorySink, HistoryStatus
from device_runtime.daemon.sinks.history_writer import Retention
from device_runtime.daemon.sinks.home_assistant import AdvertisedTask, Device, slug
from device_runtime.daemon.sinks.jsonl import JsonLines
from device_runtime.daemon.sinks.mqtt import Mqtt, MqttStatus
from device_runtime.daemon.sinks.queue import Sink
from device_runtime.daemon.sinks.source_log import SourceLog
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.system.packages import find_installed_version
from edgecl.config.privacy import NO_HISTORY
from edgecl.config.schema import Config
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class Sinks:
    """The sinks of a configuration."""

    sinks: Mapping[str, Sink]
    """By name."""
    set_tasks: Callable[[Sequence[TaskBlob]], None]
    """Has to be called whenever the tasks change; never blocks."""
    get_mqtt_status: Callable[[], MqttStatus | None]
    """Returns the state of the connection to the MQTT broker; None if there is none configured."""
    get_history_status: Callable[[], HistoryStatus | None]
    """Returns the state of the history; None if privacy forbids one."""


def open_sinks(
    config: Config,
    home: Path,
    controls: Controls,
    warn: Callable[[str], None],
    supervisor: ThreadSupervisor,
    closing: ExitStack,
) -> Sinks:
    """Open the sinks of a configuration; `closing` closes them, `supervisor` runs their threads.

    Raises:
        UsageError: an extra is missing.
    """
    sinks: dict[str, Sink] = {"log": SourceLog(warn).write, **_open_stdout(config, warn)}
    history = _open_history(config, home, warn, closing)
    if history:
        sinks["history"] = history.write
    if config.webhook.url.get_secret_value():
        from device_runtime.daemon.sinks.webhook import Webhook  # noqa: PLC0415  (http and ssl: 2 MB)

        sinks["webhook"] = Webhook(config.webhook).post
    mqtt = _open_mqtt(config, controls, warn, supervisor, closing)
    if mqtt:
        sinks["MQTT"] = mqtt.publish
    loud = [] if config.loud.level_dbfs is None else [AdvertisedTask(TASK, (LABEL,), None)]

    def set_tasks(tasks: Sequence[TaskBlob]) -> None:
        if mqtt:
            mqtt.set_tasks([*map(_advertise, tasks), *loud])

    return Sinks(
        sinks,
        set_tasks,
        get_mqtt_status=lambda: mqtt.status if mqtt else None,
        get_history_status=lambda: history.status if history else None,
    )


def _open_history(
    config: Config, home: Path, warn: Callable[[str], None], closing: ExitStack
) -> HistorySink | None:
    """Open the history; return None if privacy forbids it."""
    if config.privacy >= NO_HISTORY:
        return None
    retention = Retention(config.history.days, config.history.sounds)
    history = HistorySink(home / HISTORY_NAME, retention, warn)
    closing.callback(history.close)
    return history


def _open_stdout(config: Config, warn: Callable[[str], None]) -> dict[str, Sink]:
    """Return the sink for JSON lines on stdout; none if it is switched off or privacy forbids it."""
    if not config.output.stdout:
        return {}
    if config.privacy >= NO_HISTORY:
        warn("events are not written to stdout, whose reader, such as the journal, may keep them")
        return {}
    return {"stdout": JsonLines(sys.stdout, is_only_sink=False).write}


def _open_mqtt(
    config: Config,
    controls: Controls,
    warn: Callable[[str], None],
    supervisor: ThreadSupervisor,
    closing: ExitStack,
) -> Mqtt | None:
    """Open the connection to the MQTT broker; return None if none is configured."""
    if not config.mqtt.host:
        return None
    name = config.mqtt.name or slug(socket.gethostname().lower())
    device = Device(name, find_installed_version("edgecl"), config.mqtt.off_delay_s, config.mqtt.discovery)
    mqtt = Mqtt(config.mqtt, device, controls, warn, supervisor)
    closing.callback(mqtt.close)
    return mqtt


def _advertise(task: TaskBlob) -> AdvertisedTask:
    labels = [label for label in task.labels if not is_negative(label)]
    return AdvertisedTask(task.task, labels, task.record.threshold)
