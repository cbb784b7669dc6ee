"""Renders the daemon's systemd unit, for the system or for one user.

The system service is sandboxed: it owns only its state folder, sees no home of a user, and has access to
the sound card and the network. Its user exists only while it runs (`DynamicUser`), so the configuration,
which may hold passwords, stays readable by root alone, and systemd passes it on (`LoadCredential`). It may
exchange packets only with the addresses that the configuration needs. A user's service has the part of this
that needs no root.
"""

import contextlib
import ipaddress
import site
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import device_runtime
from edgecl.config.schema import Config

UNIT_NAME = "edgecl.service"
SYSTEM_UNIT = Path("/etc/systemd/system") / UNIT_NAME
SYSTEM_CONFIG = Path("/etc/edgecl/config.toml")
SYSTEM_HOME = Path("/var/lib/edgecl")
WATCHDOG_S = 180
"""Seconds without any audio, for whatever reason, after which systemd restarts the daemon."""
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))

LOCAL_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
    *("fc00::/7", "fe80::/10"),
)
LOCAL_SUFFIXES = (".local", ".lan", ".home", ".internal", ".home.arpa")
"""Endings of host names that only a local network resolves, as it does names without a dot."""

HEAD = """\
[Unit]
Description=edgecl sound recognition
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
Environment=ORT_DISABLE_TELEMETRY=1
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


def render_system_unit(config: Config | None = None) -> str:
    """Return the unit for /etc/systemd/system, for this installation of edgecl.

    Args:
        config: the configuration, which determines the folder and the addresses that are accessible.
    """
    config = config or Config()
    command = _render_command("--config", "${CREDENTIALS_DIRECTORY}/config.toml")
    head = HEAD.format(after="After=sound.target network.target\n", command=command, watchdog_s=WATCHDOG_S)
    visible = "".join(f"BindReadOnlyPaths={_quote(str(path))}\n" for path in _find_paths_in_homes())
    visible += _bind_watched_folder(config.watch.folder)
    sandbox = SANDBOX.format(config=SYSTEM_CONFIG, visible=visible)
    sandbox += _restrict_memory(config) + _restrict_network(config)
    return head + CONFINED + sandbox + FOOT.format(target="multi-user.target")


def render_user_unit(environment: Mapping[str, str]) -> str:
    """Return the unit for one user, without root; it runs while that user's service manager runs.

    Args:
        environment: variables to set for the daemon.
    """
    head = HEAD.format(after="", command=_render_command(), watchdog_s=WATCHDOG_S)
    variables = "".join(f"Environment={_escape(f'{key}={value}')}\n" for key, value in environment.items())
    return head + variables + CONFINED + FOOT.format(target="default.target")


def _render_command(*options: str) -> str:
    words = [_quote(word) for word in (sys.executable, "-m", "device_runtime", "serve")]
    return " ".join([*words, *options])


def _find_paths_in_homes() -> list[Path]:
    """Return the outermost folders of this installation that lie in homes of users."""
    package = Path(device_runtime.__file__).resolve().parent.parent
    needed = {Path(sys.prefix), Path(sys.base_prefix), package, *map(Path, site.getsitepackages())}
    hidden = sorted(path for path in needed if any(path.is_relative_to(home) for home in HOMES))
    return [path for path in hidden if not any(other in path.parents for other in hidden)]


def _bind_watched_folder(folder: str) -> str:
    """Return the line that lets the daemon read the folder and, as far as its owner allows, write reports."""
    if not folder:
        return ""
    is_hidden = any(Path(folder).is_relative_to(home) for home in HOMES)
    return f"{'BindPaths' if is_hidden else 'ReadWritePaths'}={_quote('-' + folder)}\n"


def _restrict_memory(config: Config) -> str:
    """Return the line that forbids memory that is both writable and executable, except for PortAudio.

    PortAudio calls back into Python through such memory.
    """
    if config.source.device.startswith("sounddevice:"):
        return "# MemoryDenyWriteExecute= is left out: PortAudio needs it\n"
    return "MemoryDenyWriteExecute=yes\n"


def _restrict_network(config: Config) -> str:
    """Return the lines that refuse every address but those that the configuration needs.

    Addresses can be refused, names cannot: nothing is refused where the configuration names a host anywhere
    in the internet, or a command, which may be a stream from the network.
    """
    if config.source.command:
        return "# IPAddressDeny= is left out: the command of [source] may use the network\n"
    webhook = urlsplit(config.webhook.url.get_secret_value()).hostname
    needed = {"localhost"}
    if config.api.enabled and config.api.port:
        needed |= _find_clients(config.api.address)
    for host in filter(None, (config.mqtt.host, webhook)):
        addresses = _find_addresses(host)
        if not addresses:
            return f"# IPAddressDeny= is left out: {host!r} may have any address\n"
        needed |= addresses
    return f"IPAddressDeny=any\nIPAddressAllow={' '.join(sorted(needed))}\n"


def _find_clients(address: str) -> set[str]:
    """Return the addresses that may reach the API at one of this machine's."""
    own = ipaddress.ip_address(address)
    if own.is_loopback:
        return set()
    return {"any"} if own.is_global else set(LOCAL_NETWORKS)


def _find_addresses(host: str) -> set[str]:
    """Return the addresses that a host may have; none where that is not known."""
    with contextlib.suppress(ValueError):
        return {str(ipaddress.ip_address(host))}
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return {"localhost"}
    return set(LOCAL_NETWORKS) if "." not in name or name.endswith(LOCAL_SUFFIXES) else set()


def _quote(word: str) -> str:
    """Quote a word of a command line for systemd."""
    return _escape(word).replace("$", "$$")


def _escape(word: str) -> str:
    """Quote a word for systemd where it expands no variables."""
    word = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"' if " " in word else word
