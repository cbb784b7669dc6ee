"""`edgecl service`: the daemon as a service of systemd."""

import os
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path

from device_runtime.cli import screen
from device_runtime.service import SYSTEM_CONFIG, SYSTEM_UNIT, UNIT_NAME, system_unit, user_unit
from edgecl.config import read_config
from edgecl.errors import EdgeclError

FIRST_CONFIG = """\
# What edgecl listens to and whom it tells. Every key: edgecl config show
#
# [source]
# device = "plughw:CARD=Device"      # 'arecord -L' lists them
"""

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

    The unit of the system sees no more of the disk than it must: after a change of \\[watch] write it again.
    """
    own = _is_own(user)
    path = _path(own)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_unit(own), encoding="utf-8")
        if not own and not SYSTEM_CONFIG.exists():
            SYSTEM_CONFIG.parent.mkdir(parents=True, exist_ok=True)
            SYSTEM_CONFIG.touch(mode=0o600)
            SYSTEM_CONFIG.write_text(FIRST_CONFIG, encoding="utf-8")
    except OSError as error:
        raise _refusal(path, "written", error) from None
    screen.message(f"'{path}' is written; start it with:")
    screen.answer(f"{_systemctl(own)} daemon-reload && {_systemctl(own)} enable --now edgecl")
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
    screen.message(f"'{path}' is removed; stop what still runs with:")
    screen.answer(f"{_systemctl(own)} disable --now edgecl; {_systemctl(own)} daemon-reload")
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
        return user_unit()
    is_known = os.access(SYSTEM_CONFIG, os.R_OK)
    return system_unit(read_config(SYSTEM_CONFIG).watch.folder if is_known else "")


def _systemctl(own: bool) -> str:
    return "systemctl --user" if own else "systemctl"


def _refusal(path: Path, done: str, error: OSError) -> EdgeclError:
    hint = "run it as root, or with --user" if path == SYSTEM_UNIT else ""
    return EdgeclError(f"'{path}' cannot be {done}: {error.strerror}", hint)
