"""`edgecl config show`, and where the configuration of the daemon is found."""

import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path
from pydantic import SecretStr

from device_runtime.cli import output
from device_runtime.cli.options import Settings, command, expand
from device_runtime.system.systemd_unit import SYSTEM_CONFIG
from edgecl.config.privacy import DESCRIPTIONS
from edgecl.config.schema import Config, Section, read_config
from edgecl.config.values import DEFAULT, ConfigValue, list_values

CONFIG_VARIABLE = "EDGECL_CONFIG"
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file (TOML).",
        envvar=CONFIG_VARIABLE,
        show_default=f"~/.config/edgecl/config.toml, or {SYSTEM_CONFIG}",
    ),
]

FOLDERS = ("home", "bundle")

config = typer.Typer(help="Show the configuration of 'edgecl serve'.", no_args_is_help=True)


@dataclass(frozen=True)
class ConfigFile:
    """A configuration and the file it comes from; None: the defaults."""

    config: Config
    path: Path | None


def load_config(path: Path | None) -> ConfigFile:
    """Load the named file, or the first that exists, or the defaults.

    Raises:
        UsageError: it cannot be read or has faults.
    """
    candidates = (user_config_path("edgecl") / "config.toml", SYSTEM_CONFIG)
    found = path or next((one for one in candidates if one.exists()), None)
    return ConfigFile(read_config(found) if found else Config(), found)


def locate_folder(key: str, file: ConfigFile, settings: Settings) -> ConfigValue:
    """Return one of `FOLDERS`: from the command line or environment, else the file, else the default."""
    default: Path | None = getattr(settings.workspace, key)
    configured: str = getattr(file.config, key)
    if configured and key not in settings.origins:
        return ConfigValue(key, str(expand(Path(configured))), str(file.path))
    return ConfigValue(key, str(default or ""), settings.origins.get(key, DEFAULT))


def describe_overrides(file: ConfigFile, settings: Settings) -> Iterator[str]:
    """Yield a sentence for every folder of the file that the command line or environment overrides."""
    for key, origin in settings.origins.items():
        configured, used = getattr(file.config, key), str(getattr(settings.workspace, key))
        if configured and str(expand(Path(configured))) != used:
            yield f"{key} is '{used}' ({origin}), not '{configured}' ('{file.path}')"


def describe_exposure(file: ConfigFile) -> Iterator[str]:
    """Yield a sentence if the file has secrets and can be read by every user."""
    secrets = [key for key, value in _list_secrets(file.config) if value.get_secret_value()]
    if file.path and secrets and file.path.stat().st_mode & stat.S_IROTH:
        path = shlex.quote(str(file.path))
        yield f"every user of this machine can read {', '.join(secrets)}: chmod 600 {path}"


def _list_secrets(config: Config) -> Iterator[tuple[str, SecretStr]]:
    for section, values in config:
        if isinstance(values, Section):
            yield from ((f"{section}.{key}", value) for key, value in values if isinstance(value, SecretStr))


@command(config)
def show(settings: Settings, config: ConfigPath = None) -> int:
    """Show every value that 'edgecl serve' uses and where it comes from. Secrets are masked.

    Examples:
        edgecl config show
        edgecl config show --config my.toml --json
    """
    file = load_config(config)
    values = [_resolve(value, file, settings) for value in list_values(file.config, str(file.path))]
    if settings.as_json:
        shown = {value.key: {"value": value.value, "origin": value.origin} for value in values}
        output.emit({"file": str(file.path) if file.path else None, "values": shown})
    else:
        rows = [(value.key, value.text, value.origin) for value in values]
        output.print_answer(
            output.build_table("", ["key", "value", "from"], rows), describe_privacy(file.config)
        )
    output.print_message(*describe_overrides(file, settings), *describe_exposure(file))
    return 0


def describe_privacy(config: Config) -> str:
    """Return a sentence on the privacy level of a configuration."""
    return f"privacy {config.privacy}: {DESCRIPTIONS[config.privacy]}"


def _resolve(value: ConfigValue, file: ConfigFile, settings: Settings) -> ConfigValue:
    return locate_folder(value.key, file, settings) if value.key in FOLDERS else value
