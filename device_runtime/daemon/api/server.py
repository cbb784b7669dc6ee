"""Server threads of the API: one for the Unix socket, one for the TCP port.

They have separate connection limits, so clients of the port cannot block local ones.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.app import create_app
from device_runtime.daemon.api.connections import HEADER_TIMEOUT_S, LimitedProtocol
from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.feeds import ApiFeeds
from device_runtime.daemon.api.installation_check import InstallationCheck
from device_runtime.daemon.api.schemas import EnrolmentView
from device_runtime.daemon.api.session_manager import SessionManager
from device_runtime.daemon.api.sockets import (
    format_address,
    format_page_url,
    open_tcp_socket,
    open_unix_socket,
)
from device_runtime.daemon.api.task_records import TaskRecords
from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.loop import Pipeline
from device_runtime.daemon.sinks.factory import Sinks
from device_runtime.daemon.sources.wrappers import Tap
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import Bundle
from edgecl.config.schema import ApiConfig, Config
from edgecl.store.store import locate_blobs

if TYPE_CHECKING:
    from device_runtime.daemon.api.certificate import Certificate

SOCKET_NAME = "api.sock"
KEEP_ALIVE_S = 15
SHUTDOWN_S = 2  # for responses in progress


@contextmanager
def serve_api(
    config: Config,
    workspace: Workspace,
    bundle: Bundle,
    pipeline: Pipeline,
    tap: Tap,
    controls: Controls,
    feeds: ApiFeeds,
    training_lock: TrainingLock,
    log: LogBuffer,
    supervisor: ThreadSupervisor,
    sinks: Sinks,
) -> Iterator[None]:
    """Serve the API while this context is open.

    Args:
        config: the configuration of the daemon.
        workspace: the store, and how workers run.
        bundle: the bundle in use.
        pipeline: the pipeline whose state is reported.
        tap: the source, from which clients record.
        controls: the switch and the thresholds that clients change.
        feeds: what the pipeline feeds; closed at the end.
        training_lock: held while a task is trained.
        log: the log of the daemon.
        supervisor: runs the threads of the servers.
        sinks: the sinks whose state is reported.

    Raises:
        EdgeclError: a socket cannot be opened.
    """
    home = workspace.home
    certificate = _open_certificate(config.api, home)
    sockets = _open_sockets(config.api, home)

    def notify(view: EnrolmentView) -> None:
        feeds.hub.publish("enrolment", view.model_dump())

    sessions = SessionManager(workspace, training_lock, notify, supervisor.report)
    installation_check = InstallationCheck(workspace, supervisor.report)
    context = ApiContext(
        config=config,
        workspace=workspace,
        bundle=bundle,
        pipeline=pipeline,
        controls=controls,
        log=log,
        tap=tap,
        hub=feeds.hub,
        sessions=sessions,
        records=TaskRecords(locate_blobs(home)),
        event_audio=feeds.event_audio,
        supervisor=supervisor,
        sinks=sinks,
        installation_check=installation_check,
    )
    app = create_app(context)
    servers = [_Server(app, listening, certificate, supervisor) for listening in sockets]
    log.write(f"the API listens at {', '.join(format_address(config.api, one) for one in sockets)}")
    if config.api.port:
        log.write(f"the page for a browser is {format_page_url(config.api, sockets[-1])}")
    if certificate:
        log.write(f"the fingerprint of its certificate is {certificate.fingerprint} (SHA-256)")
    try:
        yield
    finally:
        installation_check.close()
        sessions.close()
        feeds.close()
        for server in servers:
            server.stop()
        for server in servers:
            server.join()
        _find_socket_path(config.api, home).unlink(missing_ok=True)


class _Server:
    """Serves one listening socket from a supervised thread."""

    def __init__(
        self,
        app: FastAPI,
        listening: socket.socket,
        certificate: "Certificate | None",
        supervisor: ThreadSupervisor,
    ) -> None:
        is_local = listening.family == socket.AF_UNIX
        self._app = app
        self._listening = listening
        self._certificate = None if is_local else certificate
        self._server = _create_server(app, self._certificate)
        name = "API socket" if is_local else "API port"
        self._thread = supervisor.start(name, self._run)

    def stop(self) -> None:
        self._thread.stop()
        self._server.should_exit = True

    def join(self) -> None:
        self._thread.join(SHUTDOWN_S + 3)
        self._listening.close()

    def _run(self) -> None:
        self._server = _create_server(self._app, self._certificate)
        self._server.run([self._listening.dup()])  # which it closes


class _EventLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers do not wait long for a client to begin TLS.

    uvicorn leaves asyncio's limit of a minute, in which such connections could use up all descriptors.
    """

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl"):
            options["ssl_handshake_timeout"] = HEADER_TIMEOUT_S
        return await super().create_server(*arguments, **options)


def _create_server(app: FastAPI, certificate: "Certificate | None") -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=LimitedProtocol,
            loop=f"{__name__}:{_EventLoop.__name__}",
            ssl_certfile=certificate.file if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.MAX_CONNECTIONS + 1,  # counted with the one that is answered
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )


def _open_certificate(config: ApiConfig, home: Path) -> "Certificate | None":
    """Return the certificate of the TCP port; None if it speaks plain HTTP."""
    if config.tls == "off" or not config.port:
        return None
    from device_runtime.daemon.api.certificate import open_certificate  # noqa: PLC0415  (8 MB of memory)

    return open_certificate(config, home)


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
