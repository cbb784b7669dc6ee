"""MQTT and Home Assistant with a real mosquitto on loopback."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from device_runtime.daemon.controls import CONTROLS_NAME, Controls
from device_runtime.daemon.sinks import mqtt as mqtt_sink
from device_runtime.daemon.sinks.home_assistant import AdvertisedTask, Device, slug
from device_runtime.daemon.sinks.mqtt import Mqtt
from device_runtime.daemon.system import supervisor
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from edgecl.config.schema import Config, MqttConfig
from edgecl.store import atomic
from edgecl.store.store import Store
from tests.deadlines import SOON_S
from tests.device.daemon.conftest import sound
from tests.device.daemon.running import Daemon, until, write_into

RATE_HZ = 16_000
CONFIG = "homeassistant/device/edgecl-attic/config"
LAST = "retained/last"
ALARMS = AdvertisedTask("alarms", ("doorbell", "Smoke alarm"), 0.1)
SMOKE = slug("Smoke alarm")


class Broker:
    """A mosquitto, and a client that subscribes to all topics."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        )
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: Queue[tuple[str, str]] = Queue()

    def start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        self._client = Client(CallbackAPIVersion.VERSION2)
        until(self._try_to_connect)
        self._client.on_message = lambda client, data, one: self._messages.put(
            (one.topic, one.payload.decode(errors="replace"))
        )
        self._client.subscribe("#", 1)
        self._client.loop_start()

    def _try_to_connect(self) -> bool:
        with suppress(OSError):
            self._client.connect("127.0.0.1", self.port)
            return True
        return False

    def stop(self) -> None:
        if self._process:
            self._client.disconnect()
            self._client.loop_stop()
            self._process.terminate()
            self._process.wait()
            self._process = None

    def read_retained(self, topics: str) -> dict[str, str]:
        """Return the retained messages of these topics."""
        found: dict[str, str] = {}
        reader = Client(CallbackAPIVersion.VERSION2)
        reader.connect("127.0.0.1", self.port)
        reader.on_message = lambda client, data, one: found.update({one.topic: one.payload.decode()})
        reader.subscribe([(topics, 1), (LAST, 1)])
        reader.publish(LAST, "", 1)  # it arrives after them
        reader.loop_start()
        until(lambda: LAST in found)
        reader.disconnect()
        reader.loop_stop()
        del found[LAST]
        return found

    def wait_for(self, topic: str, matches: Callable[[str], bool] = lambda text: True) -> str:
        """Return the next message on this topic that matches."""
        ends = time.monotonic() + SOON_S
        messages = []
        while time.monotonic() < ends:
            try:
                messages.append(self._messages.get(timeout=1))
            except Empty:
                continue
            if messages[-1][0] == topic and matches(messages[-1][1]):
                return messages[-1][1]
        raise AssertionError(f"nothing on {topic}, only {messages}")

    def collect(self, topic: str, wanted: int) -> list[str]:
        """Return the messages below a topic, once there are this many and a second brought no more."""
        found: list[str] = []
        ends = time.monotonic() + SOON_S
        while time.monotonic() < ends:
            try:
                name, text = self._messages.get(timeout=1)
            except Empty:
                if len(found) >= wanted:
                    return found
                continue
            if name.startswith(topic) and not name.endswith("/set"):
                found.append(text)
        raise AssertionError(f"only {len(found)} messages below {topic}")

    def publish(self, topic: str, text: str | bytes, retain: bool = False, wait: bool = True) -> None:
        sent = self._client.publish(topic, text, 1, retain)
        if wait:
            sent.wait_for_publish(SOON_S)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that is not started; without mosquitto the test is skipped."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    broker = Broker(program, tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def controls(tmp_path: Path) -> Controls:
    return Controls(Config().get_rule, tmp_path / CONTROLS_NAME, print)


@pytest.fixture
def connect(broker: Broker, controls: Controls) -> Iterator[Callable[[], Mqtt]]:
    """Connects a device named attic, which has the task alarms, or others."""
    opened: list[Mqtt] = []

    def open_mqtt(tasks: Sequence[AdvertisedTask] = (ALARMS,)) -> Mqtt:
        config = MqttConfig(host="127.0.0.1", port=broker.port)
        opened.append(Mqtt(config, Device("attic", "1.0", 30), controls, warnings.append, threads))
        opened[-1].set_tasks(tasks)
        return opened[-1]

    warnings: list[str] = []
    threads = ThreadSupervisor(warnings.append)
    open_mqtt.warnings = warnings
    open_mqtt.threads = threads
    yield open_mqtt
    for mqtt in opened:
        mqtt.close()


def components(text: str) -> dict[str, dict]:
    return json.loads(text)["components"]


def test_the_discovery_document_describes_every_entity(broker: Broker, connect: Callable[[], Mqtt]) -> None:
    broker.start()
    connect()
    document = json.loads(broker.wait_for(CONFIG, lambda text: "event-alarms" in text))
    assert document["device"]["identifiers"] == ["edgecl-attic"]
    assert document["availability_topic"] == "edgecl/attic/availability"
    entities = document["components"]
    assert entities["event-alarms"]["event_types"] == ["doorbell", "Smoke alarm"]
    assert entities[f"sound-alarms-{SMOKE}"]["off_delay"] == 30
    assert {entity["platform"] for entity in entities.values()} == {
        "switch",
        "sensor",
        "event",
        "binary_sensor",
        "number",
    }
    assert len({entity["unique_id"] for entity in entities.values()}) == len(entities)
    broker.publish("homeassistant/status", "online")
    assert json.loads(broker.wait_for(CONFIG)) == document


def test_entities_of_forgotten_tasks_are_removed_even_those_of_an_earlier_run(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    mqtt = connect()
    broker.wait_for(CONFIG, lambda text: "event-alarms" in text)
    mqtt.close()
    mqtt = connect()
    mqtt.set_tasks([AdvertisedTask("kitchen", ("kettle",), 0.2)])
    gone = broker.wait_for(CONFIG, lambda text: "event-kitchen" in text and "event-alarms" in text)
    assert components(gone)["event-alarms"] == {"platform": "event"}
    assert "event-alarms" not in components(broker.wait_for(CONFIG))
    mqtt.set_tasks([])
    removed = {"platform": "event"}
    broker.wait_for(CONFIG, lambda text: components(text).get("event-kitchen") == removed)
    assert components(broker.wait_for(CONFIG)).keys() == {"listening", "microphone"}


def test_a_sound_is_an_event_and_a_state(broker: Broker, connect: Callable[[], Mqtt]) -> None:
    broker.start()
    mqtt = connect()
    broker.wait_for(CONFIG)
    event = sound(1)
    mqtt.publish(event)
    assert json.loads(broker.wait_for("edgecl/attic/events")) == event.model_dump()
    document = json.loads(broker.wait_for("edgecl/attic/event/alarms"))
    assert document == {"event_type": "doorbell", **event.model_dump()}
    assert broker.wait_for("edgecl/attic/sound/alarms/doorbell") == "ON"


def test_listening_and_thresholds_can_be_set(
    broker: Broker, connect: Callable[[], Mqtt], controls: Controls
) -> None:
    broker.start()
    connect()
    rule = controls.get_rule("alarms")
    place = f"edgecl/attic/threshold/alarms/{SMOKE}"
    assert broker.wait_for(place) == "0.1"
    for nonsense in ("nan", "3", "much", ""):
        broker.publish(f"{place}/set", nonsense)
    broker.publish(f"{place}/set", "0.25")
    assert broker.wait_for(place, lambda text: text != "0.1") == "0.25"
    assert rule.thresholds == {"Smoke alarm": 0.25}
    broker.publish("edgecl/attic/listening/set", "OFF")
    assert broker.wait_for("edgecl/attic/listening", lambda text: text == "OFF")
    assert not controls.listening


def test_changes_from_elsewhere_are_published_and_no_retained_command_undoes_them(
    broker: Broker, home: Path, bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    broker.start()
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nname = "attic"'
    place, state = "edgecl/attic/threshold/alarms/doorbell", "edgecl/attic/listening"
    daemon = Daemon(tmp_path, bundle, evening, more=mqtt)
    try:
        broker.wait_for(state, lambda text: text == "ON")
        broker.publish(f"{state}/set", "OFF", retain=True)
        broker.wait_for(state, lambda text: text == "OFF")
        assert daemon.http.get("/status").json()["listening"] is False
        status = {
            "broker": f"127.0.0.1:{broker.port}",
            "state": "connected",
            "detail": "",
            "waiting_events": 0,
        }
        until(lambda: daemon.http.get("/status").json()["mqtt"] == status)
        assert daemon.http.get("/health").json()["mqtt"] == "connected"
        assert "edgecl_mqtt_connected 1.0" in daemon.http.get("/metrics").text
        daemon.http.put("/listening", json={"on": True}).raise_for_status()
        broker.wait_for(state, lambda text: text == "ON")
        broker.publish(f"{place}/set", "0.25")
        broker.wait_for(place, lambda text: text == "0.25")
        assert daemon.tasks()["alarms"]["thresholds"]["doorbell"] == 0.25
        daemon.http.put("/tasks/alarms/thresholds/doorbell", json={"margin": 0.5}).raise_for_status()
        broker.wait_for(place, lambda text: text == "0.5")
        daemon.restart()
        broker.wait_for("edgecl/attic/availability", lambda text: text == "online")
        assert broker.wait_for(place) == "0.5"
        assert daemon.http.get("/status").json()["listening"] is True
        daemon.http.delete("/tasks/alarms/thresholds/doorbell").raise_for_status()
        own = f"{daemon.tasks()['alarms']['threshold']:.4g}"
        broker.wait_for(place, lambda text: text == own)
    finally:
        daemon.close()


@pytest.mark.parametrize(
    "document",
    [
        '{"components":' * 3000 + "1" + "}" * 3000,
        "[" * 100_000,
        '{"components": ' + "9" * 5000 + "}",
        '{"components": {"sound-x": null}}',
        '{"components": {"sound-x": {"platform": [], "state_topic": {"a": 1}}}}',
        '{"components": []}',
        '"components"',
        b"\xff\xfe\x00",
        b"\x00" * 2_000_000,
        "NaN",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_a_hostile_retained_document_on_the_discovery_topic_changes_nothing(
    broker: Broker, connect: Callable[[], Mqtt], document: str | bytes
) -> None:
    broker.start()
    broker.publish(CONFIG, document, retain=True)
    mqtt = connect()
    entities = components(broker.wait_for(CONFIG, lambda text: "event-alarms" in text))
    assert entities.keys() >= {"listening", "microphone", "event-alarms"}
    mqtt.publish(sound(1))
    broker.wait_for("edgecl/attic/events")
    broker.publish("edgecl/attic/threshold/alarms/doorbell/set", "0.25")
    broker.wait_for("edgecl/attic/threshold/alarms/doorbell", lambda text: text == "0.25")
    assert connect.threads.failures == {}
    assert mqtt.status.state == "connected"


def test_hostile_commands_change_nothing_and_do_not_stop_the_next(
    broker: Broker, connect: Callable[[], Mqtt], controls: Controls
) -> None:
    broker.start()
    connect()
    place = "edgecl/attic/threshold/alarms/doorbell"
    broker.wait_for(place)
    for topic in (f"{place}/set", "edgecl/attic/listening/set", "edgecl/attic/threshold/nothing/there/set"):
        for payload in (b"\xff", b"9" * 5_000_000, "1e999", "-inf", "[" * 5000, "0.3\0", "ON " * 30):
            broker.publish(topic, payload)
    assert controls.thresholds("alarms") == {}
    assert controls.listening
    broker.publish(f"{place}/set", "0.25")
    broker.wait_for(place, lambda text: text == "0.25")
    assert connect.threads.failures == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves a socket open
def test_a_network_thread_that_dies_is_started_again_and_no_event_is_lost(
    broker: Broker, connect: Callable[[], Mqtt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.05)
    monkeypatch.setattr(threading, "excepthook", lambda failure: None)
    broker.start()
    mqtt = connect()
    broker.wait_for(CONFIG)
    mqtt._client.on_publish = lambda *details: {}["bug"]  # a bug in a callback ends paho's thread
    mqtt.publish(sound(60))
    fault = until(connect.threads.take_faults)[0]
    assert connect.threads.failures.keys() == {"MQTT"}
    assert "network thread has died" in fault.detail
    mqtt._client.on_publish = mqtt._on_publish
    later = sound(1)
    mqtt.publish(later)
    broker.wait_for("edgecl/attic/events", lambda text: later.id in text)
    until(lambda: mqtt.status.state == "connected")


MANY = AdvertisedTask("birds", tuple(f"species {number}" for number in range(60)), 0.1)


def place_of(label: str) -> str:
    return f"edgecl/attic/threshold/birds/{slug(label)}"


def test_a_command_publishes_only_the_state_that_it_changes(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    connect([MANY])
    broker.collect("edgecl/attic/threshold/birds", wanted=60)
    broker.publish(f"{place_of('species 7')}/set", "0.25")
    assert broker.collect("edgecl/attic/", wanted=1) == ["0.25"]


def test_a_command_to_each_of_sixty_labels_is_answered_and_the_events_arrive_too(
    broker: Broker, connect: Callable[[], Mqtt], controls: Controls
) -> None:
    broker.start()
    mqtt = connect([MANY])
    broker.collect("edgecl/attic/threshold/birds", wanted=60)
    for number, label in enumerate(MANY.labels):
        broker.publish(f"{place_of(label)}/set", f"0.{number + 10}", wait=False)
        mqtt.publish(sound(number, "update"))
    received = broker.collect("edgecl/attic/", wanted=180)  # threshold, event and sound of each
    wanted = {f"{float(f'0.{number + 10}'):.4g}" for number in range(60)}
    assert wanted <= set(received)
    assert len(received) == 180
    assert len(controls.thresholds("birds")) == 60
    assert connect.warnings == []


def test_of_commands_that_come_faster_than_the_disk_writes_the_last_counts_and_few_are_written(
    broker: Broker, connect: Callable[[], Mqtt], controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    writing, have_come = threading.Event(), threading.Event()

    def write_slowly(path: Path, data: bytes) -> None:
        writing.set()
        have_come.wait(SOON_S)
        writes.append(len(data))

    monkeypatch.setattr(atomic, "write", write_slowly)
    broker.start()
    mqtt = connect()
    place = "edgecl/attic/threshold/alarms/doorbell"
    broker.wait_for(place)
    for number in range(300):
        broker.publish(f"{place}/set", f"{number / 1000:.3f}", wait=False)
        if number % 3 == 0:
            mqtt.publish(sound(number, "update"))
        assert writing.wait(SOON_S)
    until(lambda: mqtt._commands.get(f"{place}/set") == "0.299")
    have_come.set()
    broker.wait_for(place, lambda text: text == "0.299")
    assert controls.thresholds("alarms") == {"doorbell": 0.299}
    assert len(writes) == 2
    until(lambda: mqtt.status == replace(mqtt.status, state="connected", waiting_events=0))
    assert connect.warnings == []


def test_birth_messages_of_home_assistant_are_answered_once_in_a_while(
    broker: Broker, connect: Callable[[], Mqtt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_sink, "ANNOUNCE_INTERVAL_S", SOON_S)
    broker.start()
    connect()
    broker.wait_for(CONFIG, lambda text: "event-alarms" in text)
    broker.collect("edgecl/attic/threshold", wanted=0)
    for _ in range(200):
        broker.publish("homeassistant/status", "online", wait=False)
    assert len(broker.collect(CONFIG, wanted=1)) == 1


def test_retained_thresholds_of_forgotten_tasks_are_removed_even_those_of_an_earlier_run(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    mqtt = connect()
    broker.wait_for(CONFIG, lambda text: "event-alarms" in text)
    broker.wait_for(f"edgecl/attic/threshold/alarms/{SMOKE}")
    mqtt.close()
    mqtt = connect()
    mqtt.set_tasks([AdvertisedTask("kitchen", ("kettle",), 0.2)])
    assert broker.wait_for("edgecl/attic/threshold/alarms/doorbell", lambda text: text == "") == ""
    until(
        lambda: (
            broker.read_retained("edgecl/attic/threshold/#")
            == {"edgecl/attic/threshold/kitchen/kettle": "0.2"}
        )
    )
    mqtt.set_tasks([])
    until(lambda: broker.read_retained("edgecl/attic/threshold/#") == {})


def test_a_document_of_others_cannot_remove_topics_of_others(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    foreign = {
        "threshold-a": "homeassistant/other",
        "threshold-b": "edgecl/cellar/threshold/a/b",
        "threshold-c": "edgecl/attic/threshold/+/#",
        "threshold-d": "edgecl/attic/threshold/a/b/c",
    }
    for topic in foreign.values():
        if "#" not in topic:
            broker.publish(topic, "kept", retain=True)
    entities = {key: {"platform": "number", "state_topic": topic} for key, topic in foreign.items()}
    broker.publish(CONFIG, json.dumps({"components": entities}), retain=True)
    connect()
    broker.wait_for(CONFIG, lambda text: "event-alarms" in text and "threshold-a" not in components(text))
    for topic in foreign.values():
        if "#" not in topic:
            assert broker.read_retained(topic) == {topic: "kept"}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the subscriber connect to a broker that has started before the sink does."""
    monkeypatch.setattr(mqtt_sink, "FIRST_BACKOFF_S", 3)


@pytest.mark.usefixtures("patient")
def test_a_broker_that_is_down_at_the_start_receives_the_events_later(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    mqtt = connect()
    mqtt.publish(sound(1))
    until(lambda: connect.warnings)
    assert "does not answer" in connect.warnings[0]
    broker.start()
    assert json.loads(broker.wait_for("edgecl/attic/events"))["label"] == "doorbell"


@pytest.mark.usefixtures("patient")
def test_a_broker_that_comes_back_receives_all_states_and_misses_no_event(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    mqtt = connect()
    broker.wait_for(CONFIG)
    mqtt.publish(sound(1))
    broker.wait_for("edgecl/attic/sound/alarms/doorbell")
    broker.stop()
    missed = sound(60)
    mqtt.publish(missed)
    mqtt.set_tasks([AdvertisedTask("kitchen", ("kettle",), 0.2)])
    broker.start()
    # A message that was on its way when the broker went is sent again before anything else.
    broker.wait_for("edgecl/attic/events", lambda text: missed.id in text)
    until(lambda: "event-kitchen" in broker.read_retained(CONFIG).get(CONFIG, ""))
    availability = "edgecl/attic/availability"
    assert broker.read_retained(availability) == {availability: "online"}


def test_the_daemon_announces_itself_its_events_and_its_end(
    broker: Broker, home: Path, bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    broker.start()
    os.mkfifo(tmp_path / "sound")
    config = tmp_path / "config.toml"
    config.write_text(
        f'home = "{home}"\nbundle = "{bundle}"\n[source]\npath = "{tmp_path}/sound"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nname = "attic"'
    )
    command = [sys.executable, "-m", "device_runtime", "serve", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        broker.wait_for("edgecl/attic/availability", lambda text: text == "online")
        broker.wait_for(CONFIG, lambda text: "sound-alarms-doorbell" in text)
        write_into(tmp_path / "sound", (evening[: 8 * RATE_HZ] * 32767).astype("<i2").tobytes())
        event = broker.wait_for("edgecl/attic/event/alarms")
        assert json.loads(event)["event_type"] == "doorbell"
        with Store.open(home, create=False) as store:
            blob = store.read_blob("alarms")
            store.forget("alarms")
            broker.wait_for(CONFIG, lambda text: "alarms" not in text)
            store.commit("alarms", blob)
            broker.wait_for(CONFIG, lambda text: "sound-alarms-doorbell" in text)
        daemon.send_signal(signal.SIGKILL)
        assert broker.wait_for("edgecl/attic/availability", lambda text: text == "offline")


def test_without_paho_the_hint_is_the_extra_to_install(bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'home = "{tmp_path}/home"\n[source]\npath = "/dev/null"\n[mqtt]\nhost = "localhost"')
    script = "import sys; sys.modules['paho'] = None; from device_runtime.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script, "serve", "--bundle", str(bundle), "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "pip install '.[daemon]'" in result.stderr
