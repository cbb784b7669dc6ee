"""`edgecl service`: run the daemon as a systemd service."""

import os
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path, user_data_path

from device_runtime.cli import output
from device_runtime.cli.config import CONFIG_VARIABLE
from device_runtime.cli.options import HOME_VARIABLE, command, expand
from device_runtime.system.systemd_unit import (
    SYSTEM_CONFIG,
    SYSTEM_HOME,
    SYSTEM_UNIT,
    UNIT_NAME,
    render_system_unit,
    render_user_unit,
)
from edgecl.config.schema import read_config
from edgecl.errors import EdgeclError

FIRST_CONFIG = """\
# Configuration of edgecl. Every key: edgecl config show
#
# [source]
# device = "plughw:CARD=Device"      # 'arecord -L' lists them

# Recordings of the sounds that were detected, so that they can be played and corrected on the page for
# longer than two minutes. Remove this section for 'privacy = 1' and above, which keep no recordings.
[clips]
keep = true
quota_mb = 500                       # the oldest are deleted
"""

VARIABLES = (HOME_VARIABLE, CONFIG_VARIABLE)

Own = Annotated[
    bool | None,
    typer.Option(
        "--user/--system",
        help="Service of your user, or of the machine.",
        show_default="--system for root, else --user",
    ),
]

service = typer.Typer(help="Run 'edgecl serve' as a systemd service.", no_args_is_help=True)


@command(service)
def install(user: Own = None) -> int:
    """Write the systemd unit, and a first configuration if there is none. Nothing is started yet.

    EDGECL_HOME and EDGECL_CONFIG, if set, go into the unit of a user. The unit of the machine may access
    only the folders and network addresses it needs: run this again after a change of [source], [watch],
    [mqtt], [webhook] or [api] in the configuration.

    Examples:
        edgecl service install
        sudo edgecl service install --system
    """
    own = _is_own(user)
    path = _path(own)
    try:
        config = _config(own)
        folders = f"Configuration: '{config}'. Tasks: '{_home(own, config)}'."
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_unit(own), encoding="utf-8")
    except OSError as error:
        raise _make_error(path, "written", error) from None
    start = f"{_systemctl(own)} daemon-reload && {_systemctl(own)} enable --now edgecl"
    output.print_answer(f"Wrote '{path}'. {folders}", "Start it with:", start)
    if not own and _environment():
        output.print_message(
            f"The service of the machine ignores {', '.join(_environment())}; "
            "copy tasks to it with 'edgecl export-task' and 'import-task'"
        )
    return 0


@command(service)
def uninstall(user: Own = None) -> int:
    """Remove the systemd unit. Tasks, history and configuration stay.

    Examples:
        edgecl service uninstall
    """
    own = _is_own(user)
    path = _path(own)
    try:
        path.unlink()
    except FileNotFoundError:
        raise EdgeclError(f"there is no '{path}'", "it was not installed, or by another user") from None
    except OSError as error:
        raise _make_error(path, "removed", error) from None
    stop = f"{_systemctl(own)} disable --now edgecl; {_systemctl(own)} daemon-reload"
    output.print_answer(f"Removed '{path}'. Stop the running service with:", stop)
    return 0


@command(service)
def show(user: Own = None) -> int:
    """Print the systemd unit that 'install' writes.

    Examples:
        edgecl service show
    """
    print(_unit(_is_own(user)), end="")
    return 0


def _is_own(user: bool | None) -> bool:
    return os.geteuid() != 0 if user is None else user


def _path(own: bool) -> Path:
    return user_config_path("systemd") / "user" / UNIT_NAME if own else SYSTEM_UNIT


def _unit(own: bool) -> str:
    if own:
        return render_user_unit(_environment())
    is_readable = os.access(SYSTEM_CONFIG, os.R_OK)
    return render_system_unit(read_config(SYSTEM_CONFIG) if is_readable else None)


def _environment() -> dict[str, str]:
    """Return the environment variables that name folders of the daemon, with absolute paths."""
    paths = {name: os.environ.get(name) for name in VARIABLES}
    return {name: str(expand(Path(path)).absolute()) for name, path in paths.items() if path}


def _config(own: bool) -> Path:
    """Return the configuration that the service reads; write a first one where there is none.

    Raises:
        OSError: it cannot be written.
    """
    named = _environment().get(CONFIG_VARIABLE)
    own_path = Path(named) if named else user_config_path("edgecl") / "config.toml"
    path = own_path if own else SYSTEM_CONFIG
    if path.exists():
        return path
    if own and not named and os.access(SYSTEM_CONFIG, os.R_OK):
        return SYSTEM_CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(FIRST_CONFIG, encoding="utf-8")
    return path


def _home(own: bool, config: Path) -> Path:
    """Return the home folder of the service."""
    if own and HOME_VARIABLE in _environment():
        return Path(_environment()[HOME_VARIABLE])
    configured = read_config(config).home
    if configured:
        return expand(Path(configured))
    return user_data_path("edgecl") if own else SYSTEM_HOME


def _systemctl(own: bool) -> str:
    return "systemctl --user" if own else "systemctl"


def _make_error(path: Path, done: str, error: OSError) -> EdgeclError:
    hint = "run it as root, or with --user" if path == SYSTEM_UNIT else ""
    return EdgeclError(f"'{path}' cannot be {done}: {error.strerror}", hint)
