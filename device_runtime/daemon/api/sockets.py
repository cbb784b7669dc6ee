"""Listening sockets of the API: a Unix socket for local users and a TCP port.

The Unix socket is created here rather than by uvicorn, which would open it to everyone. Nobody can connect
between `bind` and `listen`, so it is never open to more than its owner and group.
"""

import contextlib
import ipaddress
import socket
import stat
from pathlib import Path

from device_runtime.daemon.api.auth import WILDCARDS
from edgecl.config.schema import ApiConfig
from edgecl.errors import EdgeclError

MODE = 0o660
BACKLOG = 64


def open_unix_socket(path: Path) -> socket.socket:
    """Open a listening Unix socket for owner and group, replacing one left by a dead daemon.

    Raises:
        EdgeclError: another daemon listens there, the path is taken, or the socket cannot be created.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        opened.bind(str(path))
        path.chmod(MODE)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        reason = f"the socket '{path}' cannot be created: {error.strerror or error}"
        hint = "set socket under [api] to a short path in a folder of yours"
        raise EdgeclError(reason, hint) from None
    except EdgeclError:
        opened.close()
        raise
    return opened


def open_tcp_socket(address: str, port: int) -> socket.socket:
    """Open a listening TCP socket.

    Raises:
        EdgeclError: the port is in use, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        reason = f"the API cannot listen at {address}, port {port}: {error.strerror or error}"
        raise EdgeclError(reason, "set another port under [api], or 0 for none") from None
    return opened


def format_address(config: ApiConfig, listening: socket.socket) -> str:
    """Return the path or URL of a listening socket."""
    name = listening.getsockname()
    if isinstance(name, str):
        return name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{_scheme(config)}://{host}:{name[1]}"


def format_page_url(config: ApiConfig, listening: socket.socket) -> str:
    """Return the URL of the page; a wildcard address is replaced by a name of this machine."""
    if config.address not in WILDCARDS:
        return format_address(config, listening)
    port, scheme = listening.getsockname()[1], _scheme(config)
    if config.hosts:
        return f"{scheme}://{config.hosts[0]}:{port}"
    name = socket.gethostname()
    return (
        f"{scheme}://localhost:{port}; "
        f"to use another name, such as '{name}.local', add it to hosts under [api]"
    )


def _scheme(config: ApiConfig) -> str:
    return "http" if config.tls == "off" else "https"


def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise EdgeclError(f"'{path}' exists and is not a socket", "set another path: socket under [api]")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
        contextlib.suppress(ConnectionRefusedError),
    ):
        client.connect(str(path))
        hint = "stop it, or set another path: socket under [api]"
        raise EdgeclError(f"another daemon listens at '{path}'", hint)
    path.unlink()
