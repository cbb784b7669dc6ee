"""A sink: an MQTT broker, and by it Home Assistant (`home_assistant`), which may also switch and set.

Everything is sent by paho's own thread, which connects again with back-off for as long as the daemon runs;
no call here waits for the broker. While it is away events are kept, a thousand of them, since they carry
their time; what is only true now is not, and told anew once it is back.
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

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 60
KEEP_ALIVE_S = 30
MOST_WAITING = 1000
QUEUE_FULL = 15  # of paho's MQTTErrorCode
LAST_WORDS_S = 2.0


class Mqtt:
    """The connection to a broker."""

    def __init__(
        self, config: MqttConfig, device: Device, controls: Controls, complain: Callable[[str], None]
    ) -> None:
        """Begin to connect.

        Raises:
            UsageError: paho-mqtt is not installed.
        """
        self._broker = f"the MQTT broker {config.host}:{config.port}"
        self._device = device
        self._controls = controls
        self._complain = complain
        self._complaint = ""
        self._tasks: Sequence[AdvertisedTask] = ()
        self._microphone = ""
        self._announced: dict[str, str] = {}  # id of an entity → its platform
        self._announcing = threading.RLock()
        self._client = _client(config, device)
        self._client.will_set(device.topic("availability"), "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda client, data: self._fail("does not answer")
        self._client.on_message = self._receive
        self._client.connect_async(config.host, config.port, KEEP_ALIVE_S)
        self._client.loop_start()

    def teach(self, tasks: Sequence[AdvertisedTask]) -> None:
        """What is heard from now on."""
        self._tasks = tasks
        if self._client.is_connected():
            self._announce()

    def take(self, event: Event) -> None:
        """Send an event.

        Raises:
            EdgeclError: too many are waiting for the broker.
        """
        sent = self._client.publish(self._device.topic("events"), to_line(event), qos=1)
        if sent.rc == QUEUE_FULL:
            raise EdgeclError(f"{self._broker} was away for too long: events are lost")
        if isinstance(event, SourceEvent):
            self._microphone = to_line(event)
            self._tell(self._microphone, "microphone")
        elif self._client.is_connected():
            self._tell_sound(event)

    def close(self) -> None:
        """Say goodbye, and wait a little for it to arrive."""
        if self._client.is_connected():
            farewell = self._client.publish(self._device.topic("availability"), "offline", 1, True)
            farewell.wait_for_publish(LAST_WORDS_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _tell_sound(self, event: SoundEvent) -> None:
        task, label = slug(event.task), slug(event.label)
        if event.phase == "new":
            document = json.dumps({"event_type": event.label, **event.model_dump()})
            self._client.publish(self._device.topic("event", task), document, qos=1)
        self._client.publish(self._device.topic("sound", task, label), ON, qos=1)

    def _connected(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"refuses: {reason}")
            return
        self._complaint = ""
        topics = (
            self._device.config_topic,
            self._device.birth_topic,
            self._device.topic("listening", "set"),
            self._device.topic("threshold", "+", "+", "set"),
        )
        client.subscribe([(topic, 1) for topic in topics])
        self._tell("online", "availability")
        self._announce()

    def _announce(self) -> None:
        """Describe every entity as it is now, take back those that are gone, and tell the states."""
        with self._announcing:
            components = self._device.components(self._tasks)
            gone = {
                key: {"platform": platform}
                for key, platform in self._announced.items()
                if key not in components
            }
            if gone:
                self._publish_config({**components, **gone})
            self._publish_config(components)
            self._announced = {key: entity["platform"] for key, entity in components.items()}
        self.tell_states()

    def _publish_config(self, components: dict[str, dict[str, Any]]) -> None:
        document = json.dumps(self._device.document(components))
        self._client.publish(self._device.config_topic, document, qos=1, retain=True)

    def tell_states(self) -> None:
        """What is set, as it is now."""
        self._tell(ON if self._controls.listening else OFF, "listening")
        if self._microphone:
            self._tell(self._microphone, "microphone")
        for task in self._tasks:
            if task.threshold is not None:
                set_ones = self._controls.thresholds(task.task)
                for label in task.labels:
                    margin = set_ones.get(label, task.threshold)
                    self._tell(f"{margin:.4g}", "threshold", slug(task.task), slug(label))

    def _tell(self, state: str, *place: str) -> None:
        if self._client.is_connected():
            self._client.publish(self._device.topic(*place), state, qos=1, retain=True)

    def _receive(self, client: "Client", data: Any, message: "MQTTMessage") -> None:
        """What others ask for; what makes no sense changes nothing."""
        topic, text = message.topic, message.payload.decode(errors="replace")
        if topic == self._device.config_topic:
            if message.retain:  # else it is the echo of our own
                self._remember(text)
        elif topic == self._device.birth_topic:
            if text == "online":
                self._announce()
        elif message.retain:  # an old wish that the broker kept; what it led to may have been changed since
            self.tell_states()
        elif topic == self._device.topic("listening", "set"):
            self._controls.listening = text == ON if text in {ON, OFF} else self._controls.listening
            self.tell_states()
        else:
            *_, task, label, _ = topic.split("/")
            self._set_threshold((task, label), text)
            self.tell_states()

    def _remember(self, text: str) -> None:
        """Take back what an earlier run announced and is not there any more."""
        earlier = _platforms(text)
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
                wanted = (slug(task.task), slug(label)) == place
                if wanted and task.threshold is not None and LOWEST_MARGIN <= margin <= HIGHEST_MARGIN:
                    self._controls.set_threshold(task.task, label, margin)

    def _fail(self, how: str) -> None:
        complaint = f"{self._broker} {how}; it is tried again until it does"
        if complaint != self._complaint:
            self._complaint = complaint
            self._complain(complaint)


def _client(config: MqttConfig, device: Device) -> "Client":
    try:
        from paho.mqtt.client import Client, MQTTv311  # noqa: PLC0415  (an extra)
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
    except ImportError:
        raise UsageError("MQTT needs paho-mqtt", "in the clone: pip install '.[daemon]'") from None
    client = Client(CallbackAPIVersion.VERSION2, f"edgecl-{device.name}", protocol=MQTTv311)
    client.reconnect_delay_set(FIRST_PAUSE_S, LONGEST_PAUSE_S)
    client.max_queued_messages_set(MOST_WAITING)
    if config.username:
        client.username_pw_set(config.username, config.password.get_secret_value())
    if config.tls:
        client.tls_set()
    return client


def _platforms(text: str) -> dict[str, str]:
    """Of every entity that a discovery document describes, id → platform; of what is none, nothing."""
    try:
        components = json.loads(text)["components"].items()
        return {key: str(entity["platform"]) for key, entity in components if len(entity) > 1}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
