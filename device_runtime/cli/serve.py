"""`edgecl serve`: the daemon, as its configuration says."""

import sys
from contextlib import ExitStack
from pathlib import Path

from device_runtime import selftest
from device_runtime.cli import screen
from device_runtime.cli.configuration import ConfigPath, chosen_config
from device_runtime.cli.interrupts import interrupts
from device_runtime.cli.meter import Log
from device_runtime.cli.options import Settings
from device_runtime.daemon.assembly import station_of
from device_runtime.daemon.lines import Lines
from device_runtime.daemon.notify import Notifier
from device_runtime.daemon.summary import summary
from device_runtime.runtime import Runtime

THREADS = 1  # one core hears many times faster than sound comes; more would only wait for each other


def serve(settings: Settings, config: ConfigPath = None) -> int:
    """Listen for ever, keep a history, and pick up tasks as they are enrolled.

    What is heard goes to HOME/history.db and, as lines of JSON, to stdout; how the microphone is, to stderr.
    'edgecl enroll', 'correct' and 'forget' may be used meanwhile: what they change is heard a second later.
    Ends cleanly on SIGTERM and Ctrl-C. Without a configuration it listens to the microphone 'default'.
    'edgecl config show' lists every key; 'edgecl service install' makes it a service.

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
    chosen = chosen_config(config).config
    home = Path(chosen.home).expanduser() if chosen.home else settings.home
    runtime = Runtime.open(Path(chosen.bundle).expanduser() if chosen.bundle else settings.bundle, THREADS)
    selftest.demand(runtime, home)
    notifier = Notifier()
    told = [Log().take, notifier.take] + ([Lines(sys.stdout).take] if chosen.output.stdout else [])
    with interrupts.noticed() as stopped, ExitStack() as closing:
        station = station_of(chosen, home, runtime, told, screen.message, closing, notifier)
        notifier.ready()
        station.run(stopped)
        notifier.stopping()
    screen.message(summary(station))
    return 0
