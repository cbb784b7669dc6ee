"""The sink that publishes to an MQTT broker, by which Home Assistant (`home_assistant`) also sets controls.

A thread of paho sends everything and reconnects with back-off while the daemon runs; no call here waits for
the broker. While it is unreachable a thousand events are queued, since they carry their time; states are
not, and are published again once it is back.
"""

import json
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from device_runtime.daemon.controls import Controls
from device_runtime.daemon.sinks.home_assistant import (
    HIGHEST_MARGIN,
    LOWEST_MARGIN,
    OFF,
    ON,
    AdvertisedTask,
    Device,
    slug,
)
from edgecl.config.schema import MqttConfig
from edgecl.errors import EdgeclError, UsageError
from edgecl.events import Event, SoundEvent, SourceEvent, to_line

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1, 60
KEEP_ALIVE_S = 30
QUEUE_EVENTS = 1000
QUEUE_FULL = 15  # of paho's MQTTErrorCode
CLOSE_TIMEOUT_S = 2.0


class Mqtt:
    """The connection to a broker."""

    def __init__(
        self, config: MqttConfig, device: Device, controls: Controls, warn: Callable[[str], None]
    ) -> None:
        """Start to connect, and follow the controls.

        Raises:
            UsageError: paho-mqtt is not installed.
        """
        self._broker = f"the MQTT broker {config.host}:{config.port}"
        self._device = device
        self._controls = controls
        self._warn = warn
        self._warning = ""
        self._tasks: Sequence[AdvertisedTask] = ()
        self._microphone = ""
        self._announced: dict[str, str] = {}  # id of an entity → its platform
        self._announcing = threading.RLock()
        self._client = _client(config, device)
        self._client.will_set(device.topic("availability"), "offline", qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = lambda client, data: self._report_failure("does not answer")
        self._client.on_message = self._on_message
        self._client.connect_async(config.host, config.port, KEEP_ALIVE_S)
        self._client.loop_start()
        controls.subscribe(self._publish_states)

    def set_tasks(self, tasks: Sequence[AdvertisedTask]) -> None:
        """Advertise these tasks from now on."""
        self._tasks = tasks
        if self._client.is_connected():
            self._announce()

    def publish(self, event: Event) -> None:
        """Publish an event.

        Raises:
            EdgeclError: too many events are queued for the broker.
        """
        message = self._client.publish(self._device.topic("events"), to_line(event), qos=1)
        if message.rc == QUEUE_FULL:
            raise EdgeclError(f"{self._broker} was away for too long: events are lost")
        if isinstance(event, SourceEvent):
            self._microphone = to_line(event)
            self._publish_state(self._microphone, "microphone")
        elif self._client.is_connected():
            self._publish_sound(event)

    def close(self) -> None:
        """Publish that this device is offline, wait a little for that to arrive, and disconnect."""
        if self._client.is_connected():
            message = self._client.publish(self._device.topic("availability"), "offline", 1, True)
            message.wait_for_publish(CLOSE_TIMEOUT_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish_sound(self, event: SoundEvent) -> None:
        task, label = slug(event.task), slug(event.label)
        if event.phase == "new":
            document = json.dumps({"event_type": event.label, **event.model_dump()})
            self._client.publish(self._device.topic("event", task), document, qos=1)
        self._client.publish(self._device.topic("sound", task, label), ON, qos=1)

    def _on_connect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._report_failure(f"refuses: {reason}")
            return
        self._warning = ""
        topics = (
            self._device.config_topic,
            self._device.birth_topic,
            self._device.topic("listening", "set"),
            self._device.topic("threshold", "+", "+", "set"),
        )
        client.subscribe([(topic, 1) for topic in topics])
        self._publish_state("online", "availability")
        self._announce()

    def _announce(self) -> None:
        """Publish the discovery document, which also removes entities that are gone, and all states."""
        with self._announcing:
            components = self._device.components(self._tasks)
            gone = {
                key: {"platform": platform}
                for key, platform in self._announced.items()
                if key not in components
            }
            if gone:
                self._publish_discovery({**components, **gone})
            self._publish_discovery(components)
            self._announced = {key: entity["platform"] for key, entity in components.items()}
        self._publish_states()

    def _publish_discovery(self, components: dict[str, dict[str, Any]]) -> None:
        document = json.dumps(self._device.document(components))
        self._client.publish(self._device.config_topic, document, qos=1, retain=True)

    def _publish_states(self) -> None:
        """Publish the present controls and the condition of the source."""
        self._publish_state(ON if self._controls.listening else OFF, "listening")
        if self._microphone:
            self._publish_state(self._microphone, "microphone")
        for task in self._tasks:
            if task.threshold is not None:
                thresholds = self._controls.thresholds(task.task)
                for label in task.labels:
                    margin = thresholds.get(label, task.threshold)
                    self._publish_state(f"{margin:.4g}", "threshold", slug(task.task), slug(label))

    def _publish_state(self, state: str, *place: str) -> None:
        if self._client.is_connected():
            self._client.publish(self._device.topic(*place), state, qos=1, retain=True)

    def _on_message(self, client: "Client", data: Any, message: "MQTTMessage") -> None:
        """Apply a command; an invalid one changes nothing."""
        topic, text = message.topic, message.payload.decode(errors="replace")
        if topic == self._device.config_topic:
            if message.retain:  # otherwise it is the echo of our own document
                self._add_announced(text)
        elif topic == self._device.birth_topic:
            if text == "online":
                self._announce()
        elif message.retain:  # an old command that the broker kept; the control may have been changed since
            self._publish_states()
        elif topic == self._device.topic("listening", "set"):
            self._controls.listening = text == ON if text in {ON, OFF} else self._controls.listening
            self._publish_states()
        else:
            *_, task, label, _ = topic.split("/")
            self._set_threshold((task, label), text)
            self._publish_states()

    def _add_announced(self, text: str) -> None:
        """Remove the entities that an earlier run announced and that do not exist any more."""
        earlier = _parse_platforms(text)
        with self._announcing:
            if not earlier.keys() <= self._announced.keys():
                self._announced = {**earlier, **self._announced}
                self._announce()

    def _set_threshold(self, place: tuple[str, str], text: str) -> None:
        try:
            margin = float(text)
        except ValueError:
            return
        for task in self._tasks:
            for label in task.labels:
                is_meant = (slug(task.task), slug(label)) == place
                if is_meant and task.threshold is not None and LOWEST_MARGIN <= margin <= HIGHEST_MARGIN:
                    self._controls.set_threshold(task.task, label, margin)

    def _report_failure(self, failure: str) -> None:
        warning = f"{self._broker} {failure}; it is tried again until it does"
        if warning != self._warning:
            self._warning = warning
            self._warn(warning)


def _client(config: MqttConfig, device: Device) -> "Client":
    try:
        from paho.mqtt.client import Client, MQTTv311  # noqa: PLC0415  (an extra)
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
    except ImportError:
        raise UsageError("MQTT needs paho-mqtt", "in the clone: pip install '.[daemon]'") from None
    client = Client(CallbackAPIVersion.VERSION2, f"edgecl-{device.name}", protocol=MQTTv311)
    client.reconnect_delay_set(FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
    client.max_queued_messages_set(QUEUE_EVENTS)
    if config.username:
        client.username_pw_set(config.username, config.password.get_secret_value())
    if config.tls:
        client.tls_set()
    return client


def _parse_platforms(text: str) -> dict[str, str]:
    """Return id → platform of every entity in a discovery document; empty if it is malformed."""
    try:
        components = json.loads(text)["components"].items()
        return {key: str(entity["platform"]) for key, entity in components if len(entity) > 1}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
