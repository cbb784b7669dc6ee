"""An MQTT broker on this machine, and a client that gets whatever is published, also after an outage."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tools.battery.tally import NotPossibleHereError

START_TIMEOUT_S = 60.0
POLL_S = 0.02


def find_broker() -> str:
    """Return the path of mosquitto.

    Raises:
        NotPossibleHereError: it is not installed.
    """
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise NotPossibleHereError("mosquitto is not installed")
    return program


def find_free_port() -> int:
    """Return a TCP port that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class Broker:
    """A mosquitto that keeps sessions and messages over an orderly restart."""

    def __init__(self, folder: Path) -> None:
        """Prepare a broker; its files go into an existing folder."""
        self._program, self.port = find_broker(), find_free_port()
        self._config = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{user}max_queued_messages 0\n"
            f"persistence true\npersistence_location {folder}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(POLL_S)
        raise RuntimeError("mosquitto does not start")

    def stop(self) -> None:
        """Stop it in order, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Subscriber:
    """A client with a session that survives outages: it gets every message on a topic at least once."""

    def __init__(self, port: int, topic: str) -> None:
        """Subscribe to a topic of a running broker."""
        self.payloads: list[str] = []
        self._topic = topic
        self._client = Client(CallbackAPIVersion.VERSION2, "battery-subscriber", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_message = lambda client, data, one: self.payloads.append(one.payload.decode())
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
