"""The sinks of a configuration that reach beyond this device, and who is told what can be heard."""

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from device_runtime.daemon.pipeline.loudness_trigger import LABEL, TASK
from device_runtime.daemon.saved_controls import SavedControls
from device_runtime.daemon.sinks.home_assistant import AdvertisedTask, Device, slug
from device_runtime.daemon.sinks.mqtt import Mqtt
from device_runtime.system.packages import installed_version
from edgecl.config.schema import Config
from edgecl.events import Event
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class ExternalSinks:
    """What is opened."""

    sinks: Sequence[Callable[[Event], None]]
    teach: Callable[[Sequence[TaskBlob]], None]
    """Tells what is heard from now on; never waits."""


def open_sinks(
    config: Config, controls: SavedControls, complain: Callable[[str], None], closing: ExitStack
) -> ExternalSinks:
    """The webhook and the broker, where they are configured; both closed with `closing`.

    Raises:
        UsageError: an extra is missing.
    """
    sinks: list[Callable[[Event], None]] = []
    if config.webhook.url.get_secret_value():
        from device_runtime.daemon.sinks.webhook import Webhook  # noqa: PLC0415  (http and ssl: 2 MB)

        sinks.append(Webhook(config.webhook).take)
    if not config.mqtt.host:
        return ExternalSinks(sinks, lambda tasks: None)
    name = config.mqtt.name or slug(socket.gethostname().lower())
    device = Device(name, installed_version("edgecl"), config.mqtt.off_delay_s, config.mqtt.discovery)
    mqtt = Mqtt(config.mqtt, device, controls, complain)
    controls.tell(mqtt.tell_states)
    closing.callback(mqtt.close)
    loud = [] if config.loud.level_dbfs is None else [AdvertisedTask(TASK, (LABEL,), None)]
    return ExternalSinks([*sinks, mqtt.take], lambda tasks: mqtt.teach([*map(_taught, tasks), *loud]))


def _taught(task: TaskBlob) -> AdvertisedTask:
    labels = [label for label in task.labels if not is_negative(label)]
    return AdvertisedTask(task.task, labels, task.record.threshold)
