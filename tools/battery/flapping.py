"""Row: the connection to the MQTT broker flaps in every way; all events arrive, in their order.

sink ── proxy that cuts, refuses, stalls, answers nonsense or dawdles ── broker ── subscriber
"""

import json
import random
import socket
import struct
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import Literal, get_args

from device_runtime.daemon.controls import CONTROLS_NAME, Controls
from device_runtime.daemon.sinks.home_assistant import Device
from device_runtime.daemon.sinks.mqtt import Mqtt
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from edgecl.config.schema import Config, MqttConfig
from edgecl.events import SourceEvent, format_time
from tools.battery.broker import POLL_S, Broker, Subscriber, find_free_port
from tools.battery.subject import Subject
from tools.battery.tally import Tally

NAME = "flapping"
EVENT_INTERVAL_S = 0.02
SHORTEST_S, LONGEST_S = 0.2, 2.5
"""Duration of a fault."""
RECOVERY_TIMEOUT_S = 100.0  # the sink pauses for a minute at most between two attempts
DAWDLE_S = 0.002  # a byte
POLL_INTERVAL_S = 0.05
BLOCK_BYTES = 4096
RESET_AT_CLOSE = struct.pack("ii", 1, 0)

Fault = Literal["cut", "refuse", "stall", "nonsense", "dawdle"]


class Proxy:
    """A TCP proxy whose connections have a fault for as long as it is set."""

    def __init__(self, port: int) -> None:
        """Pass connections on to a port of this machine."""
        self.port, self._target = find_free_port(), port
        self._fault: Fault | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def set_fault(self, fault: Fault | None) -> None:
        """Begin a fault, or end it; the connections that had it are closed at its end."""
        ended, self._fault = self._fault, fault
        if fault in ("cut", "refuse") or (ended and ended != "dawdle"):
            self._close_all()

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        self._close_all()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                caller, _ = self._listener.accept()
                if self._fault in ("cut", "refuse"):
                    caller.close()
                    continue
                self._connect(caller)

    def _connect(self, caller: socket.socket) -> None:
        broker = socket.create_connection(("127.0.0.1", self._target))
        with self._lock:
            self._sockets |= {caller, broker}
        for source, target in ((caller, broker), (broker, caller)):
            arguments = (source, target, source is broker)
            threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        rng = random.Random(source.fileno())
        with suppress(OSError):  # closed
            while data := source.recv(BLOCK_BYTES):
                while self._fault == "stall":
                    time.sleep(POLL_INTERVAL_S)
                if self._fault == "nonsense" and is_answer:
                    data = rng.randbytes(len(data))
                if self._fault == "dawdle":
                    for number in range(len(data)):
                        target.sendall(data[number : number + 1])
                        time.sleep(DAWDLE_S)
                else:
                    target.sendall(data)
        self._close(source, target)

    def _close_all(self) -> None:
        with self._lock:
            sockets = list(self._sockets)
        self._close(*sockets)

    def _close(self, *sockets: socket.socket) -> None:
        """Reset connections: what is on its way is lost."""
        for one in sockets:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._sockets -= set(sockets)


def flap(subject: Subject, count: float) -> Tally:
    """Let the connection of the MQTT sink flap, while it publishes fifty events a second.

    Args:
        subject: the prepared home, whose folder is used.
        count: number of faults.
    """
    folder = subject.folder / "flapping"
    folder.mkdir()
    broker = Broker(folder)
    broker.start()
    proxy, warnings = Proxy(broker.port), list[str]()
    subscriber = Subscriber(broker.port, f"edgecl/{NAME}/events")
    controls = Controls(Config().get_rule, folder / CONTROLS_NAME, warnings.append)
    supervisor = ThreadSupervisor(warnings.append)
    config = MqttConfig(host="127.0.0.1", port=proxy.port)
    mqtt = Mqtt(config, Device(NAME, "1.0", 30), controls, warnings.append, supervisor)
    tally, rng, publisher = Tally(), random.Random(1), _Publisher(mqtt)
    try:
        for number in range(round(count)):
            fault: Fault = get_args(Fault)[number % len(get_args(Fault))]
            publisher.publish_for(rng.uniform(SHORTEST_S, LONGEST_S))
            proxy.set_fault(fault)
            publisher.publish_for(rng.uniform(SHORTEST_S, LONGEST_S))
            proxy.set_fault(None)
            tally.add(f"fault {number + 1}, {fault}", _find_loss(subscriber, publisher.published))
        tally.failures += [f"a thread failed: {name}" for name in supervisor.failures]
    finally:
        mqtt.close()
        subscriber.close()
        proxy.close()
        broker.stop()
    return tally


class _Publisher:
    """Publishes numbered events."""

    def __init__(self, mqtt: Mqtt) -> None:
        self._mqtt, self.published = mqtt, 0

    def publish_for(self, seconds: float) -> None:
        """Publish events for a while."""
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            self._mqtt.publish(
                SourceEvent(
                    time=format_time(time.time()),
                    source="battery",
                    state="listening",
                    detail=str(self.published),
                    hint="",
                    lost_frames=0,
                )
            )
            self.published += 1
            time.sleep(EVENT_INTERVAL_S)


def _find_loss(subscriber: Subscriber, published: int) -> str | None:
    """Wait until all events have arrived; return a sentence about those that are missing or out of order."""
    deadline_s = time.monotonic() + RECOVERY_TIMEOUT_S
    while (missing := published - len(_first_arrivals(subscriber))) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    if missing:
        return f"{missing} of {published} events did not arrive within {RECOVERY_TIMEOUT_S:g} s"
    numbers = _first_arrivals(subscriber)
    late = sum(one > other for one, other in pairwise(numbers))
    return f"{late} events arrived before an earlier one" if late else None


def _first_arrivals(subscriber: Subscriber) -> list[int]:
    """Return the numbers of the events in the order in which they arrived first."""
    return list(dict.fromkeys(int(json.loads(payload)["detail"]) for payload in subscriber.payloads[:]))
