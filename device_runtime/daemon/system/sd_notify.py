"""What systemd is told (sd_notify): datagrams to the socket it names, nothing where it names none."""

import os
import socket
import time
from collections.abc import Mapping

from device_runtime.daemon.sources.base import Block, Source
from device_runtime.daemon.sources.wrappers import SourceWrapper
from edgecl.events import Event, SourceEvent

FED_PER_PERIOD = 4


class Notifier:
    """Tells the service manager how it goes."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """`environment`: where the manager says how it wants to be told."""
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 / FED_PER_PERIOD
        self._fed_s = float("-inf")

    def ready(self) -> None:
        """It listens."""
        self._send("READY=1")

    def status(self, sentence: str) -> None:
        """How it goes, for `systemctl status`."""
        self._send(f"STATUS={' '.join(sentence.split())}")

    def take(self, event: Event) -> None:
        """Tell how the source is, whenever it changes."""
        if isinstance(event, SourceEvent):
            self.status(f"{event.source}: {event.state} {event.detail}")

    def stopping(self) -> None:
        """It is about to end."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog, where there is one and it is due."""
        now_s = time.monotonic()
        if self._every_s and now_s - self._fed_s >= self._every_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(state.encode(), self._address)
            except OSError:
                return  # a manager that does not read must not keep anybody from listening


class WatchdogSource(SourceWrapper):
    """A source that feeds the watchdog with every block that holds sound, and with nothing else.

    A loop that turns but hears nothing is no sign of life: the service is then started anew.
    """

    def __init__(self, source: Source, notifier: Notifier) -> None:
        super().__init__(source)
        self._notifier = notifier

    def passed(self, block: Block) -> Block:
        """The block as it is."""
        if block.waveform.size:
            self._notifier.alive()
        return block
