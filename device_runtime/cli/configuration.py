"""Where the daemon's configuration is found, and `edgecl config show`: what is in force and why."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path

from device_runtime.cli import screen
from device_runtime.cli.options import Settings, command
from device_runtime.service import SYSTEM_CONFIG
from edgecl.config import Config, read_config
from edgecl.config_values import Value, values_of

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

config = typer.Typer(help="The daemon's configuration.", no_args_is_help=True)


@dataclass(frozen=True)
class Chosen:
    """A configuration and the file it comes from; None where there is no file and all is usual."""

    config: Config
    path: Path | None


def chosen_config(path: Path | None) -> Chosen:
    """The file that was named, or the first there is, or what is usual.

    Raises:
        UsageError: it cannot be read or has faults.
    """
    usual = (user_config_path("edgecl") / "config.toml", SYSTEM_CONFIG)
    found = path or next((one for one in usual if one.exists()), None)
    return Chosen(read_config(found) if found else Config(), found)


@command(config)
def show(settings: Settings, config: ConfigPath = None) -> int:
    """Show every value that 'edgecl serve' would use, and where it comes from. Secrets are masked.

    [bold]Examples[/bold]

      edgecl config show

      edgecl config show --config my.toml --json
    """
    chosen = chosen_config(config)
    values = [_with_home(value, settings) for value in values_of(chosen.config, str(chosen.path))]
    if settings.as_json:
        shown = {value.key: {"value": value.value, "origin": value.origin} for value in values}
        screen.emit({"file": str(chosen.path) if chosen.path else None, "values": shown})
    else:
        rows = [(value.key, value.text, value.origin) for value in values]
        screen.answer(screen.table("", ["key", "value", "from"], rows))
    return 0


def _with_home(value: Value, settings: Settings) -> Value:
    """What stands for a folder that the file does not name: that of the command line."""
    usual = {"home": settings.home, "bundle": settings.bundle}
    if value.key in usual and not value.value:
        return Value(value.key, str(usual[value.key]), "options and environment")
    return value
