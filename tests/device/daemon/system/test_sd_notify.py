"""Notifications to systemd: ready, status, watchdog, stopping."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_runtime.daemon.system.sd_notify import Notifier
from tests.deadlines import SOON_S


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(SOON_S)
        yield channel


def environment(manager: socket.socket, watchdog_us: int = 4000) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": str(watchdog_us)}


def receive(manager: socket.socket) -> list[str]:
    """Return all notifications that were not read yet."""
    manager.setblocking(False)
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def receive_until(manager: socket.socket, beginning: bytes) -> None:
    """Wait for a notification; the queue is kept short, since what has no room in it is lost."""
    while not manager.recv(4096).startswith(beginning):
        pass


def test_every_message_is_one_datagram(manager: socket.socket) -> None:
    notifier = Notifier(environment(manager))
    notifier.notify_ready()
    notifier.notify_status("mic:\n listening")
    notifier.feed_watchdog()
    notifier.notify_stopping()
    assert receive(manager) == ["READY=1", "STATUS=mic: listening", "WATCHDOG=1", "STOPPING=1"]


def test_the_watchdog_is_fed_no_more_often_than_needed(manager: socket.socket) -> None:
    notifier = Notifier(environment(manager, 60_000_000))
    for _ in range(100):
        notifier.feed_watchdog()
    assert receive(manager) == ["WATCHDOG=1"]


def test_without_a_manager_nothing_is_sent(manager: socket.socket) -> None:
    Notifier({}).notify_ready()
    gone = environment(manager)
    os.unlink(gone["NOTIFY_SOCKET"])
    Notifier(gone).notify_ready()
    assert receive(manager) == []


def test_the_daemon_notifies_its_manager_from_start_to_end(
    manager: socket.socket, player: Callable[[str], list[str]], bundle: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'home = "{tmp_path}/home"\nbundle = "{bundle}"\n[source]\ncommand = "{" ".join(player("play(60)"))}"'
    )
    command = [sys.executable, "-m", "device_runtime", "serve", "--config", str(config)]
    with subprocess.Popen(
        command,
        env={**os.environ, **environment(manager)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as daemon:
        assert manager.recv(4096) == b"READY=1"
        receive_until(manager, b"WATCHDOG=1")
        receive_until(manager, b"STATUS=")
        daemon.terminate()
        receive_until(manager, b"STOPPING=1")
        assert daemon.wait(timeout=SOON_S) == 0
        assert receive(manager) == []
