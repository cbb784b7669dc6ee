"""Server threads of the API: one for the Unix socket, one for the TCP port.

They have separate connection limits, so clients of the port cannot block local ones.
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
from device_runtime.daemon.api.app import create_app
from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.header_timeout import HeaderTimeoutProtocol
from device_runtime.daemon.api.live import LiveFeed
from device_runtime.daemon.api.schemas import EnrolmentView
from device_runtime.daemon.api.session_manager import SessionManager
from device_runtime.daemon.api.sockets import (
    format_address,
    format_page_url,
    open_tcp_socket,
    open_unix_socket,
)
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
SHUTDOWN_S = 2  # for responses in progress


@contextmanager
def serve_api(
    config: Config,
    home: Path,
    runtime: Runtime,
    assembled: PipelineBundle,
    hub: EventHub,
    log: LogBuffer,
) -> Iterator[None]:
    """Serve the API while this context is open.

    Raises:
        EdgeclError: a socket cannot be opened.
    """
    sockets = _open_sockets(config.api, home)
    context = _create_context(config, home, runtime, assembled, hub, log)
    feed = _connect(context)
    app = create_app(context)
    servers = {_create_server(app): listening for listening in sockets}
    threads = [threading.Thread(target=one.run, args=([at],), daemon=True) for one, at in servers.items()]
    for thread in threads:
        thread.start()
    log.message(f"the API listens at {', '.join(map(format_address, sockets))}")
    if config.api.port:
        log.message(f"the page for a browser is {format_page_url(config.api, sockets[-1])}")
    try:
        yield
    finally:
        context.sessions.close()
        feed.close()
        hub.close()
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join(SHUTDOWN_S + 3)
        _find_socket_path(config.api, home).unlink(missing_ok=True)


def _create_context(
    config: Config,
    home: Path,
    runtime: Runtime,
    assembled: PipelineBundle,
    hub: EventHub,
    log: LogBuffer,
) -> ApiContext:
    pipeline = assembled.station
    pipeline.source = tap = Tap(pipeline.source)

    def notify(view: EnrolmentView) -> None:
        hub.publish("enrolment", view.model_dump())

    return ApiContext(
        config=config,
        home=home,
        bundle=runtime.bundle,
        pipeline=pipeline,
        controls=assembled.controls,
        log=log,
        tap=tap,
        hub=hub,
        sessions=SessionManager(home, runtime.bundle.path, assembled.turn, notify),
        records=TaskRecords(locate_blobs(home)),
        event_audio=EventAudio(assembled.recent, home / CLIPS_FOLDER),
        threads=runtime.threads,
    )


def _connect(context: ApiContext) -> LiveFeed:
    """Publish windows, changes of tasks and log lines to the subscribers."""
    pipeline, hub = context.pipeline, context.hub
    load_tasks = pipeline.news

    def load_and_publish() -> Recognizer | None:
        changed = load_tasks()
        if changed is not None:
            hub.publish("tasks", {"tasks": [task.task for task in changed.tasks]})
        return changed

    rate_hz = context.bundle.manifest.front_end.sample_rate_hz
    with_sound = context.config.privacy < NO_MICROPHONE
    feed = LiveFeed(hub, context.controls, rate_hz, with_sound)
    pipeline.news, pipeline.watch = load_and_publish, feed.add
    pipeline.outboxes = [*pipeline.outboxes, SinkQueue(context.event_audio.add_event)]
    context.log.told = lambda line: hub.publish("log", asdict(line))
    return feed


def _create_server(app: FastAPI) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=HeaderTimeoutProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )


def _open_sockets(config: ApiConfig, home: Path) -> list[socket.socket]:
    listening = [open_unix_socket(_find_socket_path(config, home))]
    if config.port:
        try:
            listening.append(open_tcp_socket(config.address, config.port))
        except BaseException:
            listening[0].close()
            _find_socket_path(config, home).unlink()
            raise
    return listening


def _find_socket_path(config: ApiConfig, home: Path) -> Path:
    return Path(config.socket).expanduser() if config.socket else home / SOCKET_NAME
