"""`edgecl serve`: run the daemon."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.config import (
    FOLDERS,
    ConfigPath,
    describe_exposure,
    describe_overrides,
    describe_privacy,
    load_config,
    locate_folder,
)
from device_runtime.cli.options import Settings, expand
from device_runtime.cli.signals import interrupts
from device_runtime.daemon.builder import open_daemon
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.system.board_profile import choose_live_threads
from edgecl.config.privacy import NO_HISTORY
from edgecl.config.schema import Config

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
    home, bundle = (locate_folder(key, file, settings).value for key in FOLDERS)
    log = LogBuffer(output.print_message)
    logging.getLogger().addHandler(log)
    for message in (*describe_overrides(file, settings), *describe_exposure(file)):
        log.write(message)
    if chosen.privacy:
        log.write(describe_privacy(chosen))
    workspace = replace(
        settings.workspace,
        home=Path(home),
        bundle=Path(bundle) if bundle else None,
        threads=choose_live_threads(Path(home)),
        warn=log.write,
    )
    with interrupts.poll() as stopped, open_daemon(chosen, workspace, log) as daemon:
        daemon.run(stopped)
    output.print_message(daemon.pipeline.summary(with_sounds=chosen.privacy < NO_HISTORY))
    return 0


def _with_options(config: Config, api: bool | None, port: int | None) -> Config:
    """Return the configuration with what the command line overrides, and the watched folder expanded."""
    options = {"enabled": api, "port": port}
    changes = {key: value for key, value in options.items() if value is not None}
    folder = str(expand(Path(config.watch.folder))) if config.watch.folder else ""
    return config.model_copy(
        update={
            "api": config.api.model_copy(update=changes),
            "watch": config.watch.model_copy(update={"folder": folder}),
        }
    )
