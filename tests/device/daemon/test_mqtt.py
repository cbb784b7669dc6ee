"""MQTT and Home Assistant against a real mosquitto on loopback."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from device_runtime.daemon.controls import Controls
from device_runtime.daemon.sinks.home_assistant import AdvertisedTask, Device, slug
from device_runtime.daemon.sinks.mqtt import Mqtt
from edgecl.config.schema import Config, MqttConfig
from edgecl.store.store import Store
from tests.device.daemon.conftest import sound
from tests.device.daemon.running import Daemon, write_into

RATE_HZ = 16_000
CONFIG = "homeassistant/device/edgecl-attic/config"
ALARMS = AdvertisedTask("alarms", ("doorbell", "Smoke alarm"), 0.1)
SMOKE = slug("Smoke alarm")


class Broker:
    """A mosquitto, and a client that remembers what it hears."""

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
        for _ in range(200):
            try:
                self._client.connect("127.0.0.1", self.port)
                break
            except OSError:
                time.sleep(0.05)
        self._client.on_message = lambda client, data, one: self._messages.put(
            (one.topic, one.payload.decode())
        )
        self._client.subscribe("#", 1)
        self._client.loop_start()

    def stop(self) -> None:
        if self._process:
            self._client.disconnect()
            self._client.loop_stop()
            self._process.terminate()
            self._process.wait()
            self._process = None

    def until(self, topic: str, fits: Callable[[str], bool] = lambda text: True) -> str:
        """The next message on this topic that fits."""
        ends = time.monotonic() + 60
        heard = []
        while time.monotonic() < ends:
            try:
                heard.append(self._messages.get(timeout=1))
            except Empty:
                continue
            if heard[-1][0] == topic and fits(heard[-1][1]):
                return heard[-1][1]
        raise AssertionError(f"nothing on {topic}, only {heard}")

    def say(self, topic: str, text: str, retain: bool = False) -> None:
        self._client.publish(topic, text, 1, retain).wait_for_publish(10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that has not started; without mosquitto the test is skipped."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    made = Broker(program, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def controls() -> Controls:
    return Controls(Config().get_rule)


@pytest.fixture
def connect(broker: Broker, controls: Controls) -> Iterator[Callable[[], Mqtt]]:
    """Connects a device called attic; it knows the task alarms."""
    opened: list[Mqtt] = []

    def made() -> Mqtt:
        config = MqttConfig(host="127.0.0.1", port=broker.port)
        opened.append(Mqtt(config, Device("attic", "1.0", 30), controls, complaints.append))
        opened[-1].teach([ALARMS])
        return opened[-1]

    complaints: list[str] = []
    made.complaints = complaints
    yield made
    for mqtt in opened:
        mqtt.close()


def components(text: str) -> dict[str, dict]:
    return json.loads(text)["components"]


def test_home_assistant_is_told_of_every_entity(broker: Broker, connect: Callable[[], Mqtt]) -> None:
    broker.start()
    connect()
    document = json.loads(broker.until(CONFIG, lambda text: "event-alarms" in text))
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
    broker.say("homeassistant/status", "online")
    assert json.loads(broker.until(CONFIG)) == document


def test_what_was_forgotten_is_taken_back_even_when_that_was_in_an_earlier_run(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    mqtt = connect()
    broker.until(CONFIG, lambda text: "event-alarms" in text)
    mqtt.close()
    mqtt = connect()
    mqtt.teach([AdvertisedTask("kitchen", ("kettle",), 0.2)])
    gone = broker.until(CONFIG, lambda text: "event-kitchen" in text and "event-alarms" in text)
    assert components(gone)["event-alarms"] == {"platform": "event"}
    assert "event-alarms" not in components(broker.until(CONFIG))
    mqtt.teach([])
    assert components(broker.until(CONFIG, lambda text: "kitchen" in text))["event-kitchen"] == {
        "platform": "event"
    }
    assert components(broker.until(CONFIG)).keys() == {"listening", "microphone"}


def test_a_sound_is_an_event_and_a_state(broker: Broker, connect: Callable[[], Mqtt]) -> None:
    broker.start()
    mqtt = connect()
    broker.until(CONFIG)
    event = sound(1)
    mqtt.take(event)
    assert json.loads(broker.until("edgecl/attic/events")) == event.model_dump()
    told = json.loads(broker.until("edgecl/attic/event/alarms"))
    assert told == {"event_type": "doorbell", **event.model_dump()}
    assert broker.until("edgecl/attic/sound/alarms/doorbell") == "ON"


def test_listening_and_thresholds_can_be_set(
    broker: Broker, connect: Callable[[], Mqtt], controls: Controls
) -> None:
    broker.start()
    connect()
    rule = controls.rule_of("alarms")
    place = f"edgecl/attic/threshold/alarms/{SMOKE}"
    assert broker.until(place) == "0.1"
    for nonsense in ("nan", "3", "much", ""):
        broker.say(f"{place}/set", nonsense)
    broker.say(f"{place}/set", "0.25")
    assert broker.until(place, lambda text: text != "0.1") == "0.25"
    assert rule.thresholds == {"Smoke alarm": 0.25}
    broker.say("edgecl/attic/listening/set", "OFF")
    assert broker.until("edgecl/attic/listening", lambda text: text == "OFF")
    assert not controls.listening


def test_what_is_changed_elsewhere_is_shown_and_no_old_wish_undoes_it(
    broker: Broker, home: Path, bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    broker.start()
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nname = "attic"'
    place, state = "edgecl/attic/threshold/alarms/doorbell", "edgecl/attic/listening"
    daemon = Daemon(tmp_path, bundle, evening, more=mqtt)
    try:
        broker.until(state, lambda text: text == "ON")
        broker.say(f"{state}/set", "OFF", retain=True)
        broker.until(state, lambda text: text == "OFF")
        assert daemon.http.get("/status").json()["listening"] is False
        daemon.http.put("/listening", json={"on": True}).raise_for_status()
        broker.until(state, lambda text: text == "ON")
        broker.say(f"{place}/set", "0.25")
        broker.until(place, lambda text: text == "0.25")
        assert daemon.tasks()["alarms"]["thresholds"]["doorbell"] == 0.25
        daemon.http.put("/tasks/alarms/thresholds/doorbell", json={"margin": 0.5}).raise_for_status()
        broker.until(place, lambda text: text == "0.5")
        daemon.restart()
        broker.until("edgecl/attic/availability", lambda text: text == "online")
        assert broker.until(place) == "0.5"
        assert daemon.http.get("/status").json()["listening"] is True
        daemon.http.delete("/tasks/alarms/thresholds/doorbell").raise_for_status()
        own = f"{daemon.tasks()['alarms']['threshold']:.4g}"
        broker.until(place, lambda text: text == own)
    finally:
        daemon.close()


def test_a_broker_that_is_down_at_the_start_gets_the_events_later(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    began = time.monotonic()
    mqtt = connect()
    mqtt.take(sound(1))
    assert time.monotonic() - began < 1
    while not connect.complaints:
        time.sleep(0.05)
    assert "does not answer" in connect.complaints[0]
    broker.start()
    assert json.loads(broker.until("edgecl/attic/events"))["label"] == "doorbell"


def test_a_broker_that_comes_back_is_told_everything_again_and_misses_no_event(
    broker: Broker, connect: Callable[[], Mqtt]
) -> None:
    broker.start()
    mqtt = connect()
    broker.until(CONFIG)
    mqtt.take(sound(1))
    broker.until("edgecl/attic/sound/alarms/doorbell")
    broker.stop()
    missed = sound(60)
    mqtt.take(missed)
    mqtt.teach([AdvertisedTask("kitchen", ("kettle",), 0.2)])
    broker.start()
    broker.until("edgecl/attic/availability", lambda text: text == "online")
    assert "event-kitchen" in components(broker.until(CONFIG))
    broker.until("edgecl/attic/events", lambda text: missed.id in text)


def test_the_daemon_is_found_heard_and_missed(
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
        broker.until("edgecl/attic/availability", lambda text: text == "online")
        broker.until(CONFIG, lambda text: "sound-alarms-doorbell" in text)
        write_into(tmp_path / "sound", (evening[: 8 * RATE_HZ] * 32767).astype("<i2").tobytes())
        heard = broker.until("edgecl/attic/event/alarms")
        assert json.loads(heard)["event_type"] == "doorbell"
        with Store.open(home, create=False) as store:
            blob = store.read_blob("alarms")
            store.forget("alarms")
            broker.until(CONFIG, lambda text: "alarms" not in text)
            store.commit("alarms", blob)
            broker.until(CONFIG, lambda text: "sound-alarms-doorbell" in text)
        daemon.send_signal(signal.SIGKILL)
        assert broker.until("edgecl/attic/availability", lambda text: text == "offline")


def test_without_paho_the_extra_is_named(bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'home = "{tmp_path}/home"\n[source]\npath = "/dev/null"\n[mqtt]\nhost = "localhost"')
    script = "import sys; sys.modules['paho'] = None; from device_runtime.cli import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", script, "serve", "--bundle", str(bundle), "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "pip install '.[daemon]'" in told.stderr
