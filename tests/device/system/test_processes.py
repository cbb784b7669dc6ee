"""Commands in processes of their own: closed pipes, no torch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from device_runtime.training.engines.factory import list_engines
from tests.deadlines import SOON_S
from tests.device.conftest import process

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


@pytest.mark.parametrize("engine", list_engines())
def test_enrolment_needs_no_torch(engine: str, recordings: Path, bundle: Path, tmp_path: Path) -> None:
    arguments = ["enroll", "kitchen", recordings / "kitchen", "--engine", engine]
    arguments += ["--home", tmp_path / "home", "--bundle", bundle]
    command = [sys.executable, "-W", "error", "-c", NO_TORCH, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(home: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "device_runtime", "verify", "--home", str(home)]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_enrolment_finishes_although_its_messages_cannot_be_written(
    home: Path, recordings: Path, bundle: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings / "kitchen", tmp_path / "kitchen")
    (tmp_path / "kitchen" / "knock" / "empty.wav").write_bytes(b"")
    arguments = ["enroll", "kitchen", tmp_path / "kitchen", "--home", home, "--bundle", bundle]
    command = [sys.executable, "-m", "device_runtime", *map(str, arguments)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.returncode == 0
    assert "Enrolled 'kitchen'" in done.stdout


def test_every_command_has_examples_in_its_help() -> None:
    for command in ("enroll", "predict", "evaluate", "tasks", "forget", "verify", "doctor"):
        out, err = process(command, "--help").communicate(timeout=SOON_S)
        assert "Examples" in out
        assert "--home" in out
        assert err == ""
