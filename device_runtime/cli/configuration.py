"""Where the daemon's configuration is found, and `edgecl config show`: what is in force and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path

from device_runtime.cli import output
from device_runtime.cli.options import Settings, command, expanded
from device_runtime.system.systemd_unit import SYSTEM_CONFIG
from edgecl.config.privacy import DESCRIPTIONS
from edgecl.config.schema import Config, read_config
from edgecl.config.values import DEFAULT, ConfigValue, list_values

CONFIG_VARIABLE = "EDGECL_CONFIG"
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A TOML file.",
        envvar=CONFIG_VARIABLE,
        show_default=f"edgecl/config.toml in your configuration folder, or {SYSTEM_CONFIG}",
    ),
]

FOLDERS = ("home", "bundle")

config = typer.Typer(help="The daemon's configuration.", no_args_is_help=True)


@dataclass(frozen=True)
class ConfigFile:
    """A configuration and the file it comes from; None where there is no file and all is usual."""

    config: Config
    path: Path | None


def chosen_config(path: Path | None) -> ConfigFile:
    """The file that was named, or the first there is, or what is usual.

    Raises:
        UsageError: it cannot be read or has faults.
    """
    usual = (user_config_path("edgecl") / "config.toml", SYSTEM_CONFIG)
    found = path or next((one for one in usual if one.exists()), None)
    return ConfigFile(read_config(found) if found else Config(), found)


def placed(key: str, chosen: ConfigFile, settings: Settings) -> ConfigValue:
    """Where one of `FOLDERS` is: as the command line or environment says, else the file, else as is usual."""
    usual: Path = getattr(settings, key)
    written: str = getattr(chosen.config, key)
    if written and key not in settings.named:
        return ConfigValue(key, str(expanded(Path(written))), str(chosen.path))
    return ConfigValue(key, str(usual), settings.named.get(key, DEFAULT))


def overruled(chosen: ConfigFile, settings: Settings) -> Iterator[str]:
    """A sentence for every folder that the file names and something else names otherwise."""
    for key, origin in settings.named.items():
        written, in_force = getattr(chosen.config, key), str(getattr(settings, key))
        if written and str(expanded(Path(written))) != in_force:
            yield f"{key} is '{in_force}', as {origin} says; the '{written}' of '{chosen.path}' gives way"


@command(config)
def show(settings: Settings, config: ConfigPath = None) -> int:
    """Show every value that 'edgecl serve' would use, and where it comes from. Secrets are masked.

    [bold]Examples[/bold]

      edgecl config show

      edgecl config show --config my.toml --json
    """
    chosen = chosen_config(config)
    values = [_in_force(value, chosen, settings) for value in list_values(chosen.config, str(chosen.path))]
    if settings.as_json:
        shown = {value.key: {"value": value.value, "origin": value.origin} for value in values}
        output.emit({"file": str(chosen.path) if chosen.path else None, "values": shown})
    else:
        rows = [(value.key, value.text, value.origin) for value in values]
        output.answer(output.table("", ["key", "value", "from"], rows), privacy_of(chosen.config))
    output.message(*overruled(chosen, settings))
    return 0


def privacy_of(config: Config) -> str:
    """What the privacy of a configuration means."""
    return f"privacy {config.privacy}: {DESCRIPTIONS[config.privacy]}"


def _in_force(value: ConfigValue, chosen: ConfigFile, settings: Settings) -> ConfigValue:
    return placed(value.key, chosen, settings) if value.key in FOLDERS else value
