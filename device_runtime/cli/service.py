"""`edgecl service`: the daemon as a service of systemd."""

import os
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path, user_data_path

from device_runtime.cli import output
from device_runtime.cli.configuration import CONFIG_VARIABLE
from device_runtime.cli.options import HOME_VARIABLE, expand
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
# What edgecl listens to and whom it tells. Every key: edgecl config show
#
# [source]
# device = "plughw:CARD=Device"      # 'arecord -L' lists them
"""

VARIABLES = (HOME_VARIABLE, CONFIG_VARIABLE)

Own = Annotated[
    bool | None,
    typer.Option(
        "--user/--system", help="For you alone, or for the machine.", show_default="system for root"
    ),
]

service = typer.Typer(help="Run the daemon as a service of systemd.", no_args_is_help=True)


@service.command()
def install(user: Own = None) -> int:
    """Write the unit, and a first configuration where there is none. Nothing is started yet.

    EDGECL_HOME and EDGECL_CONFIG, where they are set, go into the unit of a user.
    The unit of the system sees no more of the disk than it must: after a change of \\[watch] write it again.
    """
    own = _is_own(user)
    path = _path(own)
    try:
        config = _config(own)
        told = f"its configuration is '{config}', its tasks are in '{_home(own, config)}'"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_unit(own), encoding="utf-8")
    except OSError as error:
        raise _refusal(path, "written", error) from None
    start = f"{_systemctl(own)} daemon-reload && {_systemctl(own)} enable --now edgecl"
    output.answer(f"'{path}' is written; {told}", "start it with:", start)
    if not own and _environment():
        output.message(
            f"the service of the system does not heed {', '.join(_environment())}; "
            "'edgecl export-task' and 'import-task' carry tasks over"
        )
    return 0


@service.command()
def uninstall(user: Own = None) -> int:
    """Remove the unit. Tasks, history and configuration stay."""
    own = _is_own(user)
    path = _path(own)
    try:
        path.unlink()
    except FileNotFoundError:
        raise EdgeclError(f"there is no '{path}'", "it was not installed, or by another user") from None
    except OSError as error:
        raise _refusal(path, "removed", error) from None
    stop = f"{_systemctl(own)} disable --now edgecl; {_systemctl(own)} daemon-reload"
    output.answer(f"'{path}' is removed; stop what still runs with:", stop)
    return 0


@service.command()
def show(user: Own = None) -> int:
    """Print the unit that 'install' would write."""
    print(_unit(_is_own(user)), end="")
    return 0


def _is_own(user: bool | None) -> bool:
    return os.geteuid() != 0 if user is None else user


def _path(own: bool) -> Path:
    return user_config_path("systemd") / "user" / UNIT_NAME if own else SYSTEM_UNIT


def _unit(own: bool) -> str:
    if own:
        return render_user_unit(_environment())
    is_known = os.access(SYSTEM_CONFIG, os.R_OK)
    return render_system_unit(read_config(SYSTEM_CONFIG).watch.folder if is_known else "")


def _environment() -> dict[str, str]:
    """What of this environment decides what the daemon finds, with whole paths."""
    chosen = {name: os.environ.get(name) for name in VARIABLES}
    return {name: str(expand(Path(path)).absolute()) for name, path in chosen.items() if path}


def _config(own: bool) -> Path:
    """The configuration that the service will read; a first one where there is none.

    Raises:
        OSError: it cannot be written.
    """
    named = _environment().get(CONFIG_VARIABLE)
    mine = Path(named) if named else user_config_path("edgecl") / "config.toml"
    path = mine if own else SYSTEM_CONFIG
    if path.exists():
        return path
    if own and not named and os.access(SYSTEM_CONFIG, os.R_OK):
        return SYSTEM_CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(FIRST_CONFIG, encoding="utf-8")
    return path


def _home(own: bool, config: Path) -> Path:
    """Where the service will look for tasks."""
    if own and HOME_VARIABLE in _environment():
        return Path(_environment()[HOME_VARIABLE])
    written = read_config(config).home
    return expand(Path(written)) if written else user_data_path("edgecl") if own else SYSTEM_HOME


def _systemctl(own: bool) -> str:
    return "systemctl --user" if own else "systemctl"


def _refusal(path: Path, done: str, error: OSError) -> EdgeclError:
    hint = "run it as root, or with --user" if path == SYSTEM_UNIT else ""
    return EdgeclError(f"'{path}' cannot be {done}: {error.strerror}", hint)
