"""`edgecl service`: a unit that systemd accepts and rates as hardened."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from platformdirs import user_data_path

from device_runtime.system.systemd_unit import LOCAL_NETWORKS, render_system_unit
from edgecl.config.schema import Config, WatchConfig, read_config

MOST_EXPOSED = 18  # of 100: an exposure level of 1.8


@pytest.fixture
def systemd_analyze() -> str:
    """Return the path of the program; if it is not installed the test is skipped."""
    found = shutil.which("systemd-analyze")
    return found or pytest.skip("systemd-analyze is not installed")


def test_the_unit_of_the_system_is_hardened(
    edgecl: Callable[..., object], systemd_analyze: str, tmp_path: Path
) -> None:
    unit = tmp_path / "edgecl.service"
    unit.write_text(edgecl("service", "show", "--system").out)
    judged = subprocess.run(
        [
            systemd_analyze,
            "security",
            "--offline=true",
            f"--threshold={MOST_EXPOSED}",
            "--no-pager",
            str(unit),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_home_of_the_system_service_is_its_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in render_system_unit().splitlines() if line.startswith("Environment=")]
    for setting in " ".join(line.removeprefix("Environment=") for line in lines).split():
        monkeypatch.setenv(*setting.split("="))
    assert user_data_path("edgecl") == Path("/var/lib/edgecl")


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("/srv/sounds", "ReadWritePaths=-/srv/sounds"),
        ("/home/pi/my sounds", 'BindPaths="-/home/pi/my sounds"'),
    ],
)
def test_a_watched_folder_is_the_only_folder_that_the_unit_makes_accessible(
    systemd_analyze: str, tmp_path: Path, folder: str, line: str
) -> None:
    unit = tmp_path / "edgecl.service"
    unit.write_text(render_system_unit(Config(watch=WatchConfig(folder=folder))))
    assert line in unit.read_text().splitlines()
    judged = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "edgecl.service" not in judged.stderr
    rest = set(unit.read_text().splitlines()) - set(render_system_unit().splitlines())
    assert rest == {line}


LAN = {"localhost", *LOCAL_NETWORKS}
REACHABLE = {
    "": {"localhost"},
    "[api]\nenabled = true": {"localhost"},
    f"[api]\nenabled = true\naddress = '0.0.0.0'\ntoken = '{'t' * 16}'": LAN,
    f"[api]\nenabled = true\naddress = '1.1.1.1'\ntoken = '{'t' * 16}'": {"localhost", "any"},
    "[mqtt]\nhost = '192.168.1.5'": {"localhost", "192.168.1.5"},
    "[mqtt]\nhost = 'homeassistant.local'": LAN,
    "[mqtt]\nhost = 'broker'": LAN,
    "[webhook]\nurl = 'http://localhost:1880/sounds'": {"localhost"},
    "[webhook]\nurl = 'http://[fd00::1]/'": {"localhost", "fd00::1"},
    "[webhook]\nurl = 'https://example.com/sounds'": set(),
    "[source]\ncommand = 'ffmpeg -i rtsp://camera/ -'": set(),
}


@pytest.mark.parametrize("text", REACHABLE)
def test_the_unit_allows_only_the_addresses_that_the_configuration_needs(
    systemd_analyze: str, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.toml").write_text(text)
    unit = tmp_path / "edgecl.service"
    unit.write_text(render_system_unit(read_config(tmp_path / "config.toml")))
    judged = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "edgecl.service" not in judged.stderr
    lines = dict(line.split("=", 1) for line in unit.read_text().splitlines() if line.startswith("IPAddress"))
    assert set(lines.get("IPAddressAllow", "").split()) == REACHABLE[text]
    assert ("IPAddressDeny" in lines) == bool(REACHABLE[text])


@pytest.mark.parametrize("kind", ["--system", "--user"])
def test_systemd_accepts_the_unit(
    edgecl: Callable[..., object], systemd_analyze: str, tmp_path: Path, kind: str
) -> None:
    unit = tmp_path / "edgecl.service"
    unit.write_text(edgecl("service", "show", kind).out)
    judged = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "edgecl.service" not in judged.stderr
    assert "Environment=ORT_DISABLE_TELEMETRY=1" in unit.read_text().splitlines()
    assert f"ExecStart={sys.executable} -m device_runtime serve" in unit.read_text()


def test_the_unit_of_a_user_is_installed_and_removed(
    edgecl: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("EDGECL_HOME", str(tmp_path / "my $100% home"))
    installed = edgecl("service", "install", "--user")
    assert installed.code == 0
    assert (tmp_path / "edgecl/config.toml").read_text().startswith("# Configuration of edgecl")
    assert read_config(tmp_path / "edgecl/config.toml").clips.keep
    assert (tmp_path / "edgecl/config.toml").stat().st_mode & 0o777 == 0o600
    assert str(tmp_path / "my $100% home") in " ".join(installed.out.split())
    assert "Start it with" in installed.out
    assert "systemctl --user enable --now edgecl" in installed.out.replace("&& ", "")
    unit = tmp_path / "systemd/user/edgecl.service"
    assert unit.read_text() == edgecl("service", "show", "--user").out
    assert f'Environment="EDGECL_HOME={tmp_path}/my $100%% home"' in unit.read_text()
    (tmp_path / "edgecl/config.toml").write_text("privacy = 1")
    assert edgecl("service", "install", "--user").code == 0
    assert (tmp_path / "edgecl/config.toml").read_text() == "privacy = 1"
    assert edgecl("service", "uninstall", "--user").code == 0
    assert not unit.exists()
    again = edgecl("service", "uninstall", "--user")
    assert again.code == 1
    assert "there is no" in again.err
