"""Every failure becomes a sentence, a hint and an exit code; a reader that leaves is none."""

import json
import os
import subprocess
import sys

import pytest

from edgecl import console
from edgecl.errors import AudioError, UsageError


def failing(error: BaseException) -> int:
    def command() -> int:
        raise error

    return console.run(command)


def test_a_command_that_returns_nothing_is_done() -> None:
    assert console.run(lambda: None) == 0


def test_a_failure_is_a_sentence_and_a_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(AudioError("'a.wav' is silent", "record it again")) == 1
    told = capsys.readouterr()
    assert told.err == "error: 'a.wav' is silent\nhint:  record it again\n"
    assert told.out == ""


def test_misuse_leaves_with_two() -> None:
    assert failing(UsageError("there is no 'x'")) == 2


def test_a_full_disk_is_a_sentence_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(OSError(28, "No space left on device", "/home/blob")) == 1
    assert "'/home/blob': No space left on device" in (told := capsys.readouterr().err)
    assert "free some space" in told


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (KeyboardInterrupt(), "nothing was changed"),
        (console.Interrupted("task 'x' is stored"), "task 'x' is stored"),
    ],
)
def test_an_interruption_says_what_state_is_left(
    error: BaseException, left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error) == 1
    assert f"interrupted: {left}" in capsys.readouterr().err


def test_with_json_a_failure_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise UsageError("there is no 'ü'", "look again")

    assert console.run(command, as_json=True) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "there is no 'ü'", "hint": "look again"}


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())


def test_a_reader_that_closes_the_pipe_is_no_failure() -> None:
    script = "import sys; from edgecl import console; sys.exit(console.run(lambda: print('x' * 10**6)))"
    read, write = os.pipe()
    os.close(read)
    child = subprocess.run(
        [sys.executable, "-c", script], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write)
    assert (child.returncode, child.stderr) == (0, b"")
