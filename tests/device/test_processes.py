"""What only a process of its own can show: interruption, closed pipes, no torch."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_runtime.engines import available

NO_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
from device_runtime.cli import main
sys.argv = ["edgecl", *sys.argv[1:]]
try:
    main()
finally:
    assert sys.modules["torch"] is None
    assert not any(name.startswith("torch.") for name in sys.modules)
"""


def edgecl(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "device_runtime", *map(str, arguments)]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, **options)  # type: ignore[call-overload, no-any-return]


def names_in(home: Path) -> list[str]:
    listed, _ = edgecl("tasks", "--home", home, "--json").communicate(timeout=60)
    return [task["task"] for task in json.loads(listed)["tasks"]]


@pytest.mark.parametrize("engine", available())
def test_enrolment_needs_no_torch(engine: str, recordings: Path, bundle: Path, tmp_path: Path) -> None:
    arguments = ["enroll", "kitchen", recordings / "kitchen", "--engine", engine]
    arguments += ["--home", tmp_path / "home", "--bundle", bundle]
    command = [sys.executable, "-W", "error", "-c", NO_TORCH, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_enrolment_changes_nothing_and_says_so(
    number: int, home: Path, recordings: Path, bundle: Path
) -> None:
    child = edgecl("enroll", "kitchen", recordings / "kitchen", "--home", home, "--bundle", bundle, "--json")
    known = len(list((home / "cache").iterdir()))
    while len(list((home / "cache").iterdir())) == known and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    if child.returncode == 0:
        pytest.skip("it was quicker than the signal")
    assert child.returncode == 1
    assert json.loads(out)["error"] == "interrupted: nothing was changed"
    assert "Traceback" not in err
    assert names_in(home) == ["alarms"]


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(home: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "device_runtime", "verify", "--home", str(home)]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_command_explains_itself_by_examples() -> None:
    for command in ("enroll", "predict", "evaluate", "tasks", "forget", "verify", "doctor"):
        out, err = edgecl(command, "--help").communicate(timeout=60)
        assert "Examples" in out
        assert "--home" in out
        assert err == ""
