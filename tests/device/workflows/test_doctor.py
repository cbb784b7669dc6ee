"""The doctor reports what is installed and names what is missing."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.device.conftest import CommandResult, Edgecl


def run_without(package: str, folder: Path, *arguments: object) -> CommandResult:
    """Run a command without a package: all others are linked into `folder`."""
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(package):
            (folder / entry.name).symlink_to(entry)
    search = {"PYTHONPATH": os.pathsep.join([str(folder), str(REPOSITORY)]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", "-m", "device_runtime", *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | search, capture_output=True, text=True, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr)


def test_a_healthy_installation_passes_all_checks(edgecl: Edgecl, home: Path) -> None:
    result = edgecl("doctor", "--threads", 1, "--json")
    report = result.json
    assert (result.code, report["healthy"]) == (0, True)
    checks = {check["name"]: check for check in report["checks"]}
    of_the_board = ("temperature", "power", "card", "clock")
    assert [name for name in checks if name not in of_the_board][:13] == [
        "machine",
        "board",
        "packages",
        "onnxruntime",
        "audio",
        "microphone",
        "daemon",
        "home",
        "space",
        "cache",
        "tasks",
        "bundle",
        "self-test",
    ]
    assert checks["engine portable"]["status"] == "ok"
    assert checks["engine ort-training"]["detail"].startswith("not installed and not needed")
    assert checks["tasks"]["detail"] == "1, all unchanged"


CARDS = """\
**** List of CAPTURE Hardware Devices ****
card 1: Device [USB PnP Sound Device], device 0: USB Audio [USB Audio]
  Subdevices: 1/1
card 2: Array [Four Microphones], device 1: Mics [Mics]
"""


@pytest.mark.parametrize(
    ("says", "status", "found"),
    [
        (CARDS, "ok", "plughw:CARD=Device,DEV=0 (USB PnP Sound Device), plughw:CARD=Array,DEV=1 (Four"),
        ("", "warn", "no sound card that records"),
        (None, "warn", "no 'arecord'"),
    ],
)
def test_sound_cards_that_record_are_listed(
    edgecl: Edgecl,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    says: str | None,
    status: str,
    found: str,
) -> None:
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    if says is not None:
        (tmp_path / "programs/arecord").write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / "programs/arecord").chmod(0o755)
    result = edgecl("doctor", "--json")
    (check,) = [check for check in result.json["checks"] if check["name"] == "microphone"]
    assert (result.code, check["status"]) == (0, status)
    assert found in check["detail"]
    assert bool(check["hint"]) == (status == "warn")


def test_without_onnxruntime_the_other_checks_still_run(tmp_path: Path, home: Path, bundle: Path) -> None:
    (tmp_path / "packages").mkdir()
    where = ["--home", home, "--bundle", bundle]
    result = run_without("onnxruntime", tmp_path / "packages", "doctor", "--json", *where)
    assert (result.code, result.err) == (1, "")
    failed = {check["name"]: check for check in result.json["checks"] if check["status"] == "fail"}
    assert failed.keys() == {"onnxruntime", "self-test"}
    assert failed["onnxruntime"]["detail"] == "not installed"
    assert "pip install edgecl" in failed["onnxruntime"]["hint"]


@pytest.mark.parametrize("package", ["soxr", "rich"])
def test_a_missing_package_is_named(package: str, tmp_path: Path) -> None:
    result = run_without(package, tmp_path, "doctor", "--json")
    assert result.code == 1
    assert json.loads(result.out)["error"] == f"the installation is incomplete: No module named '{package}'"
    assert result.err.splitlines()[1] == "hint:  install it again: pip install --force-reinstall edgecl"
