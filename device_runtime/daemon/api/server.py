"""The thread that answers requests while the station listens."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.application import application
from device_runtime.daemon.api.broadcast import Broadcast
from device_runtime.daemon.api.place import Place
from device_runtime.daemon.api.sessions import EnrolmentView, Sessions
from device_runtime.daemon.api.sockets import tcp_socket, unix_socket
from device_runtime.daemon.station import Station
from device_runtime.daemon.tap import Tap
from edgecl.config import ApiConfig, Config

SOCKET_NAME = "api.sock"
KEEP_ALIVE_S = 15
LAST_WORDS_S = 2  # for answers that are under way when it stops


@contextmanager
def serving(
    config: Config,
    home: Path,
    bundle: Path,
    station: Station,
    broadcast: Broadcast,
    say: Callable[[str], None],
) -> Iterator[None]:
    """The API, for as long as this lasts; its recordings come from the station's source.

    Raises:
        EdgeclError: it cannot listen where it is to.
    """
    tap = Tap(station.source)
    sockets = _sockets(config.api, home)

    def told(view: EnrolmentView) -> None:
        broadcast.tell("enrolment", view.model_dump())

    sessions = Sessions(home, bundle, told)
    station.source = tap
    server = _server(Place(config, home, bundle, station, tap, broadcast, sessions))
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    say(f"the API listens at {', '.join(map(_name_of, sockets))}")
    try:
        yield
    finally:
        sessions.close()
        broadcast.close()
        server.should_exit = True
        thread.join(LAST_WORDS_S + 3)
        _path_of(config.api, home).unlink(missing_ok=True)


def _server(place: Place) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            application(place),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=LAST_WORDS_S,
        )
    )


def _sockets(config: ApiConfig, home: Path) -> list[socket.socket]:
    listening = [unix_socket(_path_of(config, home))]
    if config.port:
        try:
            listening.append(tcp_socket(config.address, config.port))
        except BaseException:
            listening[0].close()
            _path_of(config, home).unlink()
            raise
    return listening


def _path_of(config: ApiConfig, home: Path) -> Path:
    return Path(config.socket).expanduser() if config.socket else home / SOCKET_NAME


def _name_of(listening: socket.socket) -> str:
    name = listening.getsockname()
    if isinstance(name, str):
        return name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"
