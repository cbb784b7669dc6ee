"""Notifications to systemd (sd_notify): datagrams to the socket NOTIFY_SOCKET names; none if it is unset."""

import os
import socket
import time
from collections.abc import Mapping

from edgecl.events import Event, SourceEvent

FEEDS_PER_PERIOD = 4
"""How often the watchdog is fed in one watchdog period."""


class Notifier:
    """The connection to the service manager."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read the socket and the watchdog period from the environment."""
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._feed_interval_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 / FEEDS_PER_PERIOD
        self._fed_s = float("-inf")

    def notify_ready(self) -> None:
        """Report that the daemon has started."""
        self._send("READY=1")

    def notify_status(self, sentence: str) -> None:
        """Report a sentence for `systemctl status`."""
        self._send(f"STATUS={' '.join(sentence.split())}")

    def report(self, event: Event) -> None:
        """Report the condition of the source whenever it changes; an event sink."""
        if isinstance(event, SourceEvent):
            self.notify_status(f"{event.source}: {event.state} {event.detail}")

    def notify_stopping(self) -> None:
        """Report that the daemon is about to end."""
        self._send("STOPPING=1")

    def feed_watchdog(self) -> None:
        """Feed the watchdog, if there is one and it is due."""
        now_s = time.monotonic()
        if self._feed_interval_s and now_s - self._fed_s >= self._feed_interval_s:
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
                return  # a manager that does not read must not stop the pipeline
