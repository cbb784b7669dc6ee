"""`edgecl config show`: every value and its origin; secrets are masked."""

from collections.abc import Callable
from pathlib import Path

import pytest


def test_every_value_is_shown_with_its_origin(edgecl: Callable[..., object], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[source]\nrate_hz = 48000\n[tasks.alarms.thresholds]\ndoorbell = 0.3")
    values = edgecl("config", "show", "--config", file, "--json").json["values"]
    assert values["source.rate_hz"] == {"value": 48_000, "origin": str(file)}
    assert values["tasks.alarms.thresholds.doorbell"] == {"value": 0.3, "origin": str(file)}
    assert values["source.channels"] == {"value": 1, "origin": "default"}
    assert values["home"] == {"value": str(tmp_path / "home"), "origin": "EDGECL_HOME"}
    shown = edgecl("config", "show", "--config", file).out
    assert "source.rate_hz" in shown
    assert "privacy 0: everything as configured" in shown


def test_the_command_line_takes_precedence_over_the_file_and_that_is_reported(
    edgecl: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGECL_HOME")
    file = tmp_path / "config.toml"
    file.write_text('home = "/srv/edgecl"\nbundle = "/srv/bundle"')
    shown = edgecl("config", "show", "--config", file, "--json").json["values"]
    assert shown["home"] == {"value": "/srv/edgecl", "origin": str(file)}
    result = edgecl("config", "show", "--config", file, "--home", tmp_path, "--json")
    assert result.json["values"]["home"] == {"value": str(tmp_path), "origin": "--home"}
    assert result.json["values"]["bundle"] == {"value": "/srv/bundle", "origin": str(file)}
    assert f"home is '{tmp_path}' (--home), not '/srv/edgecl' ('{file}')" in " ".join(result.err.split())


def test_the_file_in_the_users_configuration_folder_is_found(
    edgecl: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "edgecl").mkdir()
    (tmp_path / "edgecl" / "config.toml").write_text("[history]\ndays = 3.0")
    shown = edgecl("config", "show", "--json").json
    assert shown["file"] == str(tmp_path / "edgecl/config.toml")
    assert shown["values"]["history.days"]["value"] == 3.0


def test_a_file_with_secrets_that_every_user_can_read_is_reported(
    edgecl: Callable[..., object], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[mqtt]\nhost = "broker"\npassword = "secret"\n[api]\ntoken = "a long enough secret"')
    file.chmod(0o644)
    exposed = " ".join(edgecl("config", "show", "--config", file).err.split())
    assert "every user of this machine can read mqtt.password, api.token: chmod 600" in exposed
    file.chmod(0o640)
    assert edgecl("config", "show", "--config", file).err == ""
