"""The systemd unit of the daemon: hardened for the system, as much as goes without root for a user.

The service owns nothing but its state folder, sees nothing of the homes of users, has the sound card and the
network, and no right beyond that. Its user exists only while it runs (`DynamicUser`), so the configuration,
which may hold passwords, stays root's: systemd hands it over (`LoadCredential`).
"""

import site
import sys
from collections.abc import Mapping
from pathlib import Path

import device_runtime

UNIT_NAME = "edgecl.service"
SYSTEM_UNIT = Path("/etc/systemd/system") / UNIT_NAME
SYSTEM_CONFIG = Path("/etc/edgecl/config.toml")
SYSTEM_HOME = Path("/var/lib/edgecl")
WATCHDOG_S = 180
"""How long no sound may come, be it that the microphone is gone, before the daemon is started anew."""
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))

HEAD = """\
[Unit]
Description=edgecl hears the sounds it was taught
{after}StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
WatchdogSec={watchdog_s}
TimeoutStartSec=120
TimeoutStopSec=30
"""

CONFINED = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""

SANDBOX = """\
DynamicUser=yes
User=edgecl
SupplementaryGroups=audio
StateDirectory=edgecl
StateDirectoryMode=0700
RuntimeDirectory=edgecl
CacheDirectory=edgecl
LoadCredential=config.toml:{config}
Environment=XDG_DATA_HOME=/var/lib XDG_CACHE_HOME=/var/cache/edgecl
DevicePolicy=closed
DeviceAllow=char-alsa rw
ProtectSystem=strict
ProtectHome=tmpfs
{visible}PrivateTmp=yes
PrivateMounts=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictNamespaces=yes
CapabilityBoundingSet=
AmbientCapabilities=
"""

FOOT = """
[Install]
WantedBy={target}
"""


def render_system_unit(watched: str = "") -> str:
    """The unit for /etc/systemd/system, of this installation of edgecl.

    Args:
        watched: the folder of which it learns, where there is one.
    """
    command = _command("--config", "${CREDENTIALS_DIRECTORY}/config.toml")
    head = HEAD.format(after="After=sound.target network.target\n", command=command, watchdog_s=WATCHDOG_S)
    visible = "".join(f"BindReadOnlyPaths={_quoted(str(path))}\n" for path in _in_homes())
    sandbox = SANDBOX.format(config=SYSTEM_CONFIG, visible=visible + _opened(watched))
    return head + CONFINED + sandbox + FOOT.format(target="multi-user.target")


def render_user_unit(environment: Mapping[str, str]) -> str:
    """The unit for one user, without root: it hears while that user's manager runs.

    Args:
        environment: what the daemon is to find there beside what is usual.
    """
    head = HEAD.format(after="", command=_command(), watchdog_s=WATCHDOG_S)
    given = "".join(f"Environment={_escaped(f'{key}={value}')}\n" for key, value in environment.items())
    return head + given + CONFINED + FOOT.format(target="default.target")


def _command(*options: str) -> str:
    words = [_quoted(word) for word in (sys.executable, "-m", "device_runtime", "serve")]
    return " ".join([*words, *options])


def _in_homes() -> list[Path]:
    """What this installation needs of the homes of users, the outermost folders only."""
    package = Path(device_runtime.__file__).resolve().parent.parent
    needed = {Path(sys.prefix), Path(sys.base_prefix), package, *map(Path, site.getsitepackages())}
    hidden = sorted(path for path in needed if any(path.is_relative_to(home) for home in HOMES))
    return [path for path in hidden if not any(other in path.parents for other in hidden)]


def _opened(watched: str) -> str:
    """The watched folder may be read, and reports be written there as far as its owner allows."""
    if not watched:
        return ""
    is_hidden = any(Path(watched).is_relative_to(home) for home in HOMES)
    return f"{'BindPaths' if is_hidden else 'ReadWritePaths'}={_quoted('-' + watched)}\n"


def _quoted(word: str) -> str:
    """A word of a command as systemd reads it back."""
    return _escaped(word).replace("$", "$$")


def _escaped(word: str) -> str:
    """A word as systemd reads it back where it looks for no variables."""
    word = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"' if " " in word else word
