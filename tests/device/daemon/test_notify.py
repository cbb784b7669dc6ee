"""What systemd is told: that the daemon is ready, how it goes, and that it hears; never more."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.system.sd_notify import Notifier, WatchdogSource
from edgecl.errors import SourceError


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(30)
        yield channel


def environment(manager: socket.socket, watchdog_us: int = 4000) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": str(watchdog_us)}


def told(manager: socket.socket) -> list[str]:
    """Everything that was told and not read yet."""
    manager.setblocking(False)
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_every_message_is_one_datagram(manager: socket.socket) -> None:
    notifier = Notifier(environment(manager))
    notifier.ready()
    notifier.status("mic:\n listening")
    notifier.alive()
    notifier.stopping()
    assert told(manager) == ["READY=1", "STATUS=mic: listening", "WATCHDOG=1", "STOPPING=1"]


def test_the_watchdog_is_fed_no_more_often_than_it_takes(manager: socket.socket) -> None:
    notifier = Notifier(environment(manager, 60_000_000))
    for _ in range(100):
        notifier.alive()
    assert told(manager) == ["WATCHDOG=1"]


def test_without_a_manager_or_when_it_is_gone_nothing_happens(manager: socket.socket) -> None:
    Notifier({}).ready()
    gone = environment(manager)
    os.unlink(gone["NOTIFY_SOCKET"])
    Notifier(gone).ready()
    assert told(manager) == []


@pytest.mark.parametrize(("line", "fed"), [("play(0.5)", True), ("time.sleep(0.5)", False)])
def test_only_sound_feeds_the_watchdog(
    manager: socket.socket, player: Callable[[str], list[str]], line: str, fed: bool
) -> None:
    source = WatchdogSource(
        CommandSource("mic", player(line), PcmFormat(16_000)), Notifier(environment(manager))
    )
    with suppress(SourceError):
        while source.read(0.05) is not None:
            pass
    source.close()
    assert ("WATCHDOG=1" in told(manager)) == fed


def test_the_daemon_tells_its_manager_from_beginning_to_end(
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
        heard = {manager.recv(4096) for _ in range(5)}
        assert b"WATCHDOG=1" in heard
        assert any(message.startswith(b"STATUS=") for message in heard)
        daemon.terminate()
        assert daemon.wait(timeout=20) == 0
        assert told(manager)[-1] == "STOPPING=1"
