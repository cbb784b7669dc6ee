"""The sink that publishes to an MQTT broker, by which Home Assistant (`home_assistant`) also sets controls.

    pipeline ──► outbox ──► sender thread ──► paho's network thread ──► broker
    controls ◄── commands ◄─┘        ▲ └── acknowledgements ─┘  │
                    ▲                └── starts it again ───────┤
                    └───────────────────────────────────────────┘

The network thread of paho only stores what arrives; the sender thread does all the work, so that neither a
slow disk nor a hostile message stops the connection. No call here waits for the broker. While it is
unreachable a thousand events are queued, since they carry their time; states are published again once it is
back.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from device_runtime.daemon.controls import Controls, ThresholdChange
from device_runtime.daemon.sinks.home_assistant import (
    HIGHEST_MARGIN,
    LOWEST_MARGIN,
    OFF,
    ON,
    AdvertisedTask,
    AnnouncedEntity,
    Device,
    parse_entities,
    slug,
)
from device_runtime.daemon.sinks.mqtt_outbox import Message, MqttOutbox
from device_runtime.daemon.system.supervisor import EndedError, ThreadSupervisor
from edgecl.config.schema import MqttConfig
from edgecl.errors import EdgeclError, UsageError
from edgecl.events import Event, SoundEvent, SourceEvent, to_line

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1, 60
KEEP_ALIVE_S = 30
CLOSE_TIMEOUT_S = 2.0
POLL_INTERVAL_S = 1.0
"""How often the network thread is checked while nothing has to be sent."""
ANNOUNCE_INTERVAL_S = 5.0
"""Minimum time between two announcements that Home Assistant asks for by its birth message."""
LONGEST_COMMAND = 64  # bytes
LONGEST_DOCUMENT = 1 << 20  # bytes, of a discovery document

State = Literal["connecting", "connected", "disconnected", "refused"]


@dataclass(frozen=True)
class MqttStatus:
    """The connection as the API reports it."""

    broker: str
    """Host and port."""
    state: State
    detail: str
    """Why it is not connected, or empty."""
    waiting_events: int
    """Events that the broker has not acknowledged."""


class Mqtt:
    """The connection to a broker."""

    def __init__(
        self,
        config: MqttConfig,
        device: Device,
        controls: Controls,
        warn: Callable[[str], None],
        supervisor: ThreadSupervisor,
    ) -> None:
        """Start to connect, and follow the controls.

        Raises:
            UsageError: paho-mqtt is not installed.
        """
        self._config, self._device, self._controls, self._warn = config, device, controls, warn
        self._outbox = MqttOutbox()
        self._outbox.set_state(device.topic("availability"), "online")
        self._state: State = "connecting"
        self._detail = ""
        self._tasks: Sequence[AdvertisedTask] = ()
        self._thresholds: dict[str, tuple[str, str]] = {}  # command topic → task and label
        self._announced: dict[str, AnnouncedEntity] = {}  # by id
        self._announced_document = ""
        self._announce_from_s = 0.0  # of a monotonic clock
        self._lock = threading.Lock()
        self._commands: dict[str, str] = {}  # topic → the newest command
        self._acknowledged: deque[int] = deque()  # message IDs
        self._is_new = False  # whether the connection is
        self._is_reborn = False  # whether Home Assistant has started again
        self._is_closing = False
        self._wake = threading.Event()
        self._network: threading.Thread | None = None
        self._client = _create_client(config, device)
        self._follow(self._client)
        controls.subscribe(self._wake.set)
        self._thread = supervisor.start("MQTT", self._run)

    @property
    def status(self) -> MqttStatus:
        """The state of the connection."""
        broker = f"{self._config.host}:{self._config.port}"
        return MqttStatus(broker, self._state, self._detail, self._outbox.waiting)

    def set_tasks(self, tasks: Sequence[AdvertisedTask]) -> None:
        """Advertise these tasks from now on."""
        self._tasks = tasks
        self._thresholds = {
            self._device.topic("threshold", slug(task.task), slug(label), "set"): (task.task, label)
            for task in tasks
            if task.threshold is not None
            for label in task.labels
        }
        self._wake.set()

    def publish(self, event: Event) -> None:
        """Queue an event for the broker.

        Raises:
            EdgeclError: too many events are queued.
        """
        if not self._outbox.add_event(self._device.topic("events"), to_line(event)):
            raise EdgeclError(f"{self._name} takes no events, or too slowly: events are lost")
        if isinstance(event, SourceEvent):
            self._outbox.set_state(self._device.topic("microphone"), to_line(event))
        elif isinstance(event, SoundEvent) and self._state == "connected":
            self._add_sound(event)
        self._wake.set()

    def close(self) -> None:
        """Publish that this device is offline, wait a little for that to arrive, and disconnect."""
        self._thread.stop()
        self._is_closing = True
        self._wake.set()
        self._thread.join(2 * CLOSE_TIMEOUT_S)
        self._client.disconnect()
        if self._network:
            self._network.join(CLOSE_TIMEOUT_S)

    @property
    def _name(self) -> str:
        return f"the MQTT broker {self._config.host}:{self._config.port}"

    def _add_sound(self, event: SoundEvent) -> None:
        task, label = slug(event.task), slug(event.label)
        if event.phase == "new":
            document = json.dumps({"event_type": event.label, **event.model_dump()})
            self._outbox.add_event(self._device.topic("event", task), document)
        self._outbox.add_event(self._device.topic("sound", task, label), ON)

    # The sender thread

    def _run(self) -> None:
        """Connect, and send until the daemon ends.

        Raises:
            EndedError: the network thread has died.
        """
        self._connect()
        while not self._is_closing:
            self._wake.wait(POLL_INTERVAL_S)
            self._wake.clear()
            if self._network and not self._network.is_alive():
                self._state, self._detail = "disconnected", "its network thread has died and is restarted"
                raise EndedError(self._detail)
            self._work()
        self._say_goodbye()

    def _connect(self) -> None:
        """Start the network thread, which connects as often as needed."""
        if self._network is None or not self._network.is_alive():
            self._network = None
            self._client.connect_async(self._config.host, self._config.port, KEEP_ALIVE_S)
            self._client.loop_start()

    def _work(self) -> None:
        """Do what has become due."""
        self._acknowledge()
        if self._state != "connected":
            return
        if self._is_new:
            self._is_new = False
            self._announced_document = ""
            self._outbox.repeat_states()
            self._publish(self._outbox.take_state())  # the availability
        self._apply_commands()
        self._set_states()
        self._announce()
        self._send()

    def _acknowledge(self) -> None:
        while self._acknowledged:
            self._outbox.acknowledge(self._acknowledged.popleft())

    def _send(self) -> None:
        while message := self._outbox.take_event() or self._outbox.take_state():
            self._publish(message)

    def _publish(self, message: Message | None) -> None:
        if message:
            sent = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            self._outbox.mark_sent(sent.mid, message)

    def _say_goodbye(self) -> None:
        """Publish that this device is offline, and wait a little until the broker has everything."""
        self._outbox.set_state(self._device.topic("availability"), "offline")
        ends_s = time.monotonic() + CLOSE_TIMEOUT_S
        while self._state == "connected" and not self._outbox.is_idle and time.monotonic() < ends_s:
            self._acknowledge()
            self._send()
            self._wake.wait(0.05)
            self._wake.clear()

    def _apply_commands(self) -> None:
        """Apply the newest command of each topic; an invalid one changes nothing."""
        with self._lock:
            commands, self._commands = self._commands, {}
        if not commands:
            return
        found = commands.pop(self._device.config_topic, None)
        if found is not None:
            self._add_announced(found)
        changes = [self._parse_change(topic, text) for topic, text in commands.items()]
        switch = commands.get(self._device.topic("listening", "set"))
        try:
            self._controls.change(list(filter(None, changes)), {ON: True, OFF: False}.get(switch or ""))
        except EdgeclError as error:
            self._warn(f"a command by MQTT: {error.message}")
        for topic in commands:
            self._outbox.repeat_state(topic.removesuffix("/set"))

    def _parse_change(self, topic: str, text: str) -> ThresholdChange | None:
        """Return the change of a threshold that a command asks for; None if it is none, or invalid."""
        place = self._thresholds.get(topic)
        try:
            margin = float(text)
        except ValueError:
            return None
        if place is None or not LOWEST_MARGIN <= margin <= HIGHEST_MARGIN:
            return None
        return ThresholdChange(*place, margin)

    def _set_states(self) -> None:
        """Set the controls and the thresholds of the tasks that there are."""
        self._outbox.set_state(self._device.topic("listening"), ON if self._controls.listening else OFF)
        for task in self._tasks:
            if task.threshold is not None:
                thresholds = self._controls.thresholds(task.task)
                for label in task.labels:
                    margin = thresholds.get(label, task.threshold)
                    topic = self._device.topic("threshold", slug(task.task), slug(label))
                    self._outbox.set_state(topic, f"{margin:.4g}")

    def _announce(self) -> None:
        """Publish the discovery document if it has changed or is asked for, and remove what is gone."""
        if self._is_reborn and time.monotonic() >= self._announce_from_s:
            self._is_reborn = False
            self._announce_from_s = time.monotonic() + ANNOUNCE_INTERVAL_S
            self._announced_document = ""
            self._outbox.repeat_states()
        components = self._device.components(self._tasks)
        document = json.dumps(self._device.document(components))
        gone = {key: entity for key, entity in self._announced.items() if key not in components}
        if document == self._announced_document and not gone:
            return
        if gone:
            self._remove(gone, components)
        self._outbox.add_event(self._device.config_topic, document, retain=True)
        self._announced_document = document
        self._announced = parse_entities(document)

    def _remove(self, gone: dict[str, AnnouncedEntity], components: dict[str, dict[str, Any]]) -> None:
        """Remove entities, and the retained thresholds of those that were one."""
        for entity in gone.values():
            if self._device.is_threshold_topic(entity.state_topic):
                self._outbox.set_state(entity.state_topic, "")
        emptied = {key: {"platform": entity.platform} for key, entity in gone.items()}
        document = json.dumps(self._device.document({**components, **emptied}))
        self._outbox.add_event(self._device.config_topic, document, retain=True)

    def _add_announced(self, document: str) -> None:
        """Take over what an earlier run announced, to remove the entities that do not exist any more."""
        self._announced = {**parse_entities(document), **self._announced}

    # Callbacks, called by the network thread

    def _follow(self, client: "Client") -> None:
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda client, data: self._report_failure("disconnected", "does not answer")
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish

    def _on_pre_connect(self, client: "Client", data: Any) -> None:
        self._network = threading.current_thread()

    def _on_connect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._report_failure("refused", f"refuses: {reason}")
            return
        topics = (
            self._device.config_topic,
            self._device.birth_topic,
            self._device.topic("listening", "set"),
            self._device.topic("threshold", "+", "+", "set"),
        )
        client.subscribe([(topic, 1) for topic in topics])
        self._is_new = True
        self._state, self._detail = "connected", ""
        self._wake.set()

    def _on_disconnect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._state == "connected":
            self._state, self._detail = "disconnected", f"the connection ended: {reason}"

    def _on_publish(self, client: "Client", data: Any, identity: int, reason: Any, properties: Any) -> None:
        self._acknowledged.append(identity)
        self._wake.set()

    def _on_message(self, client: "Client", data: Any, message: "MQTTMessage") -> None:
        """Store a command for the sender thread; whatever it is, nothing can fail here."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if topic == self._device.config_topic:
            if (
                message.retain and len(message.payload) <= LONGEST_DOCUMENT
            ):  # else the echo of our own document
                self._store_command(topic, bytes(message.payload))
        elif topic == self._device.birth_topic:
            if message.payload == b"online":
                self._is_reborn = True
                self._wake.set()
        elif not message.retain and len(message.payload) <= LONGEST_COMMAND and self._is_command(topic):
            self._store_command(topic, bytes(message.payload))

    def _is_command(self, topic: str) -> bool:
        return topic == self._device.topic("listening", "set") or topic in self._thresholds

    def _store_command(self, topic: str, payload: bytes) -> None:
        with self._lock:
            self._commands[topic] = payload.decode(errors="replace")
        self._wake.set()

    def _report_failure(self, state: State, failure: str) -> None:
        is_new = self._detail != failure
        self._state, self._detail = state, failure
        if is_new:
            self._warn(f"{self._name} {failure}; it is tried again until it does")


def _create_client(config: MqttConfig, device: Device) -> "Client":
    try:
        from paho.mqtt.client import Client, MQTTv311  # noqa: PLC0415  (an extra)
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
    except ImportError:
        raise UsageError("MQTT needs paho-mqtt", "in the clone: pip install '.[daemon]'") from None
    client = Client(CallbackAPIVersion.VERSION2, f"edgecl-{device.name}", protocol=MQTTv311)
    client.reconnect_delay_set(FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
    client.max_queued_messages_set(0)  # the outbox limits them
    client.will_set(device.topic("availability"), "offline", qos=1, retain=True)
    if config.username:
        client.username_pw_set(config.username, config.password.get_secret_value())
    if config.tls:
        client.tls_set()
    return client
