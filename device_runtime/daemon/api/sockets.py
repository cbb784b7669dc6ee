"""Where the API listens: a Unix socket for the machine's own people, and a TCP port.

The socket file is made here: whoever makes it decides who may use it. Between `bind` and `listen` nobody can
connect, so there is no moment in which the file is open to more than its owner and group.
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


def unix_socket(path: Path) -> socket.socket:
    """A listening socket at this path, for owner and group; one that a dead daemon left is replaced.

    Raises:
        EdgeclError: somebody listens there, something else is there, or it cannot be made.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_way(path)
        made.bind(str(path))
        path.chmod(MODE)
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        reason = f"the socket '{path}' cannot be made: {error.strerror or error}"
        raise EdgeclError(
            reason, "name another with [api] socket; a short path, in a folder of yours"
        ) from None
    except EdgeclError:
        made.close()
        raise
    return made


def tcp_socket(address: str, port: int) -> socket.socket:
    """A listening socket at this address.

    Raises:
        EdgeclError: the port is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        reason = f"the API cannot listen at {address}, port {port}: {error.strerror or error}"
        raise EdgeclError(reason, "choose another with [api] port, or 0 for none") from None
    return made


def name_of(listening: socket.socket) -> str:
    """Where a socket listens: a path or a URL."""
    name = listening.getsockname()
    if isinstance(name, str):
        return name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


def page_of(config: ApiConfig, listening: socket.socket) -> str:
    """Where the page is opened; an address that stands for all of them gives way to a name of the machine."""
    if config.address not in WILDCARDS:
        return name_of(listening)
    port = listening.getsockname()[1]
    if config.hosts:
        return f"http://{config.hosts[0]}:{port}"
    own = socket.gethostname()
    return f"http://localhost:{port}; for others list a name such as '{own}.local' in [api] hosts"


def _make_way(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise EdgeclError(f"'{path}' is there already and is no socket", "name another with [api] socket")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller,
        contextlib.suppress(ConnectionRefusedError),
    ):
        caller.connect(str(path))
        raise EdgeclError(f"another daemon listens at '{path}'", "stop it, or name another with [api] socket")
    path.unlink()
