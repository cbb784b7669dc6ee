"""`edgecl serve`: the daemon, as its configuration says."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path

from device_runtime import selftest
from device_runtime.cli import screen
from device_runtime.cli.interrupts import interrupts
from device_runtime.cli.meter import Log
from device_runtime.cli.options import Settings
from device_runtime.daemon.assembly import station_of
from device_runtime.daemon.lines import Lines
from device_runtime.daemon.summary import summary
from device_runtime.runtime import Runtime
from edgecl.config import Config, read_config

SYSTEM_CONFIG = Path("/etc/edgecl/config.toml")
THREADS = 1  # one core hears many times faster than sound comes; more would only wait for each other

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A TOML file.",
        envvar="EDGECL_CONFIG",
        show_default=f"edgecl/config.toml in your configuration folder, or {SYSTEM_CONFIG}",
    ),
]


def serve(settings: Settings, config: ConfigPath = None) -> int:
    """Listen for ever, keep a history, and pick up tasks as they are enrolled.

    What is heard goes to HOME/history.db and, as lines of JSON, to stdout; how the microphone is, to stderr.
    'edgecl enroll', 'correct' and 'forget' may be used meanwhile: what they change is heard a second later.
    Ends cleanly on SIGTERM and Ctrl-C. Without a configuration it listens to the microphone 'default'.

    [bold]A configuration[/bold]

      \\[source]
      device = "plughw:CARD=Device"

      \\[rule]
      refractory_s = 10

      \\[tasks.alarms.thresholds]
      doorbell = 0.3

      \\[clips]
      keep = true
      quota_mb = 200

    [bold]Examples[/bold]

      edgecl serve

      edgecl serve --config my.toml | jq --unbuffered 'select(.phase == "new") | .label'
    """
    chosen = _config(config)
    home = Path(chosen.home).expanduser() if chosen.home else settings.home
    runtime = Runtime.open(Path(chosen.bundle).expanduser() if chosen.bundle else settings.bundle, THREADS)
    selftest.demand(runtime, home)
    told = [Log().take, Lines(sys.stdout).take] if chosen.output.stdout else [Log().take]
    with interrupts.noticed() as stopped, ExitStack() as closing:
        station = station_of(chosen, home, runtime, told, screen.message, closing)
        station.run(stopped)
    screen.message(summary(station))
    return 0


def _config(path: Path | None) -> Config:
    """The file that was named, or the first there is, or what is usual."""
    if path is not None:
        return read_config(path)
    usual = (user_config_path("edgecl") / "config.toml", SYSTEM_CONFIG)
    found = next((one for one in usual if one.exists()), None)
    return read_config(found) if found else Config()
