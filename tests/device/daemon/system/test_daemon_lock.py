"""One daemon a home."""

import os
from pathlib import Path

import pytest

from device_runtime.daemon.system.daemon_lock import lock_for_daemon
from edgecl.errors import EdgeclError


def test_a_second_daemon_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        lock_for_daemon(home),
        pytest.raises(EdgeclError, match=rf"another daemon .*\(process {os.getpid()}\)"),
        lock_for_daemon(home),
    ):
        pass
    with lock_for_daemon(home):
        assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}
