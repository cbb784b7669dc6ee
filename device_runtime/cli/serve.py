"""`edgecl serve`: run the daemon."""

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.config import (
    FOLDERS,
    ConfigPath,
    describe_overrides,
    describe_privacy,
    load_config,
    locate_folder,
)
from device_runtime.cli.meter import Log
from device_runtime.cli.options import Settings, expand
from device_runtime.cli.signals import interrupts
from device_runtime.daemon.folder_import.watcher import watching
from device_runtime.daemon.pipeline.builder import PipelineBundle, station_of
from device_runtime.daemon.pipeline.summary import summary
from device_runtime.daemon.sinks.jsonl import JsonLines, is_journal
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.system.sd_notify import Notifier
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.system import memory
from edgecl.config.privacy import NO_HISTORY
from edgecl.config.schema import Config
from edgecl.errors import EdgeclError
from edgecl.events import Event

EXTRA = ("fastapi", "starlette", "uvicorn", "prometheus_client")
THREADS = 1  # one core processes sound many times faster than real time

Sink = Callable[[Event], None]

Api = Annotated[
    bool | None,
    typer.Option("--api/--no-api", help="Serve the page and the HTTP API.", show_default="as configured"),
]
Port = Annotated[
    int | None,
    typer.Option(
        help="TCP port of the API; 0: only a Unix socket.", min=0, max=65_535, show_default="as configured"
    ),
]


def serve(settings: Settings, config: ConfigPath = None, api: Api = None, port: Port = None) -> int:
    """Run the daemon: detect sounds day and night, keep a history, serve the page and the API.

    Events go to HOME/history.db and, as JSON lines, to stdout; the state of the microphone to stderr. Tasks
    that 'edgecl enroll', 'correct' or 'forget' change are picked up within a second. SIGTERM and Ctrl-C end
    it cleanly. Without a configuration it uses the microphone 'default'. 'edgecl config show' lists every
    key; 'edgecl service install' runs it as a systemd service.

    Examples:
        edgecl serve

        # Then: curl --unix-socket HOME/api.sock http://localhost/status
        edgecl serve --api

        edgecl serve --config my.toml | jq --unbuffered .label

    Configuration file:
        privacy = 1                  # keep no recordings

        [source]
        device = "plughw:CARD=Device"

        [watch]
        folder = "/srv/sounds"       # recordings put here are enrolled

        [rule]
        refractory_s = 10

        [tasks.alarms.thresholds]
        doorbell = 0.3

        [api]
        enabled = true
    """
    file = load_config(config)
    chosen = _with_options(file.config, api, port)
    home, bundle = (Path(locate_folder(key, file, settings).value) for key in FOLDERS)
    runtime = Runtime.open(bundle, THREADS)
    selftest.run_once(runtime, home)
    journal, notifier = LogBuffer(output.print_message), Notifier()
    logging.getLogger().addHandler(journal)  # what libraries have to say
    for sentence in (
        *describe_overrides(file, settings),
        *([describe_privacy(chosen)] if chosen.privacy else []),
    ):
        journal.message(sentence)
    sinks: list[Sink] = [Log(journal.message).take, notifier.take, *_stdout(chosen, journal.message)]
    serving = _api(chosen, sinks, journal) if chosen.api.enabled else None
    with interrupts.poll() as stopped, ExitStack() as closing:
        assembled = station_of(chosen, home, runtime, sinks, journal.message, closing, notifier)
        if serving:
            closing.enter_context(serving(home, runtime, assembled))
        if chosen.watch.folder:
            folder = expand(Path(chosen.watch.folder))
            closing.enter_context(watching(folder, home, bundle, assembled.turn, journal.message))
        memory.release_free_memory()
        notifier.ready()
        assembled.station.run(stopped)
        notifier.stopping()
    output.print_message(summary(assembled.station))
    return 0


def _stdout(config: Config, tell: Callable[[str], None]) -> list[Sink]:
    """Lines of JSON, where they are wanted; without them it goes on for whoever else is told."""
    is_discreet = config.privacy >= NO_HISTORY
    if not config.output.stdout:
        return []
    if is_discreet and is_journal(sys.stdout):
        tell("events are not written to the journal, which would keep them")
        return []
    others = config.mqtt.host, config.webhook.url.get_secret_value(), config.api.enabled, not is_discreet
    return [JsonLines(sys.stdout, is_only=not any(others)).take]


def _api(
    config: Config, sinks: list[Sink], journal: LogBuffer
) -> Callable[[Path, Runtime, PipelineBundle], AbstractContextManager[None]]:
    """What serves the API of a station; who follows its events is told beside the other sinks."""
    try:
        from device_runtime.daemon.api.event_hub import EventHub  # noqa: PLC0415  (an extra)
        from device_runtime.daemon.api.server import serve_api  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        reason = f"the HTTP API needs '{error.name}', which is not installed"
        raise EdgeclError(
            reason, "in the clone: pip install '.[daemon]', or leave the API out: --no-api"
        ) from None
    hub = EventHub()
    sinks.append(hub.publish_event)
    return lambda home, runtime, assembled: serve_api(config, home, runtime, assembled, hub, journal)


def _with_options(config: Config, api: bool | None, port: int | None) -> Config:
    """The configuration, and what the command line says instead."""
    said = {"enabled": api, "port": port}
    changes = {key: value for key, value in said.items() if value is not None}
    return config.model_copy(update={"api": config.api.model_copy(update=changes)})
