"""The threads that answer requests while the station listens: one for the Unix socket, one for the port.

Whoever takes all connections of the port leaves those of the socket.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.app import application
from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.enrolment_schema import EnrolmentView
from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.header_timeout import PunctualProtocol
from device_runtime.daemon.api.routes.live import LiveFeed
from device_runtime.daemon.api.session_manager import SessionManager
from device_runtime.daemon.api.sockets import name_of, page_of, tcp_socket, unix_socket
from device_runtime.daemon.api.task_records import TaskRecords
from device_runtime.daemon.pipeline.builder import PipelineBundle
from device_runtime.daemon.sinks.clips import CLIPS_FOLDER
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sources.tap import Tap
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from edgecl.config.privacy import NO_MICROPHONE
from edgecl.config.schema import ApiConfig, Config
from edgecl.store.store import locate_blobs

SOCKET_NAME = "api.sock"
KEEP_ALIVE_S = 15
LAST_WORDS_S = 2  # for answers that are under way when it stops


@contextmanager
def serving(
    config: Config,
    home: Path,
    runtime: Runtime,
    assembled: PipelineBundle,
    broadcast: EventHub,
    journal: LogBuffer,
) -> Iterator[None]:
    """The API, for as long as this lasts; its recordings come from the station's source.

    Raises:
        EdgeclError: it cannot listen where it is to.
    """
    sockets = _sockets(config.api, home)
    place = _place(config, home, runtime, assembled, broadcast, journal)
    feed = _tell_others(place)
    app = application(place)
    servers = {_server(app): listening for listening in sockets}
    threads = [threading.Thread(target=one.run, args=([at],), daemon=True) for one, at in servers.items()]
    for thread in threads:
        thread.start()
    journal.message(f"the API listens at {', '.join(map(name_of, sockets))}")
    if config.api.port:
        journal.message(f"the page for a browser is {page_of(config.api, sockets[-1])}")
    try:
        yield
    finally:
        place.sessions.close()
        feed.close()
        broadcast.close()
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join(LAST_WORDS_S + 3)
        _path_of(config.api, home).unlink(missing_ok=True)


def _place(
    config: Config,
    home: Path,
    runtime: Runtime,
    assembled: PipelineBundle,
    broadcast: EventHub,
    journal: LogBuffer,
) -> ApiContext:
    station = assembled.station
    station.source = tap = Tap(station.source)

    def told(view: EnrolmentView) -> None:
        broadcast.tell("enrolment", view.model_dump())

    return ApiContext(
        config=config,
        home=home,
        bundle=runtime.bundle,
        station=station,
        controls=assembled.controls,
        journal=journal,
        tap=tap,
        broadcast=broadcast,
        sessions=SessionManager(home, runtime.bundle.path, assembled.turn, told),
        records=TaskRecords(locate_blobs(home)),
        heard=EventAudio(assembled.recent, home / CLIPS_FOLDER),
        threads=runtime.threads,
    )


def _tell_others(place: ApiContext) -> LiveFeed:
    """Have those who follow told of every window, of other tasks, and of what goes to stderr."""
    station, broadcast = place.station, place.broadcast
    learn = station.news

    def news() -> Recognizer | None:
        changed = learn()
        if changed is not None:
            broadcast.tell("tasks", {"tasks": [task.task for task in changed.tasks]})
        return changed

    rate_hz = place.bundle.manifest.front_end.sample_rate_hz
    with_sound = place.config.privacy < NO_MICROPHONE
    feed = LiveFeed(broadcast, place.controls, rate_hz, with_sound)
    station.news, station.watch = news, feed.watch
    station.outboxes = [*station.outboxes, SinkQueue(place.heard.take)]
    place.journal.told = lambda said: broadcast.tell("log", asdict(said))
    return feed


def _server(app: FastAPI) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=PunctualProtocol,
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
