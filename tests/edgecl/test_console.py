"""Failures become a message, a hint and an exit code; a closed pipe is no failure."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edgecl import console
from edgecl.errors import AudioError, UsageError
from tests.deadlines import SOON_S


def run_failing(error: BaseException) -> int:
    def command() -> int:
        raise error

    return console.run(command)


def test_a_command_that_returns_none_exits_with_0() -> None:
    assert console.run(lambda: None) == 0


def test_a_failure_is_a_message_and_a_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_failing(AudioError("'a.wav' is silent", "record it again")) == 1
    printed = capsys.readouterr()
    assert printed.err == "error: 'a.wav' is silent\nhint:  record it again\n"
    assert printed.out == ""


def test_wrong_usage_exits_with_2() -> None:
    assert run_failing(UsageError("there is no 'x'")) == 2


def test_a_full_disk_is_a_message_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_failing(OSError(28, "No space left on device", "/home/blob")) == 1
    assert "'/home/blob': No space left on device" in (printed := capsys.readouterr().err)
    assert "free some space" in printed


def test_an_interruption_reports_the_state_it_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_failing(KeyboardInterrupt()) == 1
    assert capsys.readouterr().err == "error: interrupted: nothing was changed\n"


def test_a_name_cannot_control_the_terminal() -> None:
    error = UsageError("there is no '\x1b[2J\x9b31m\n'", "look for 'ü\x07'")
    expected = "error: there is no '\\x1b[2J\\x9b31m\\n'\nhint:  look for 'ü\\x07'"
    assert console.format_error(error) == expected


def test_a_document_cannot_control_the_terminal_and_keeps_its_content() -> None:
    document = {"file": "ü\x1b[2J\x9b\x7f\udcff\U000e0001.wav"}
    printed = console.format_json(document)
    assert all(c.isprintable() or c == "\n" for c in printed)
    assert "ü" in printed
    assert json.loads(printed) == document


def test_with_json_a_failure_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise UsageError("there is no 'ü'", "look again")

    assert console.run(command, as_json=True) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "there is no 'ü'", "hint": "look again"}


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_failing(ZeroDivisionError())


OUTPUT = "import sys; from edgecl import console; sys.exit(console.run(lambda: print('x' * 10**6)))"
FAILURE = """
import sys
from edgecl import console
from edgecl.errors import UsageError
def command():
    raise UsageError("no")
sys.exit(console.run(command, as_json=True))
"""


def run_script(script: str, redirected: str, stdout: int = subprocess.PIPE) -> tuple[int, str]:
    """Run a script whose streams the shell redirects and return its exit code and stderr."""
    line = f'exec "$0" -c "$1" {redirected}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, script],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SOON_S,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """Return the write end of a pipe without a reader."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


def test_a_closed_pipe_is_no_failure(closed_pipe: int) -> None:
    assert run_script(OUTPUT, "", closed_pipe) == (0, "")


def test_a_failure_on_a_closed_pipe_keeps_its_exit_code(closed_pipe: int) -> None:
    assert run_script(FAILURE, "", closed_pipe) == (2, "error: no\n")
    assert run_script(FAILURE, "2>&1", closed_pipe) == (2, "")


def test_output_to_a_full_disk_is_a_failure() -> None:
    code, stderr = run_script(OUTPUT, ">/dev/full")
    assert code == 1
    assert stderr.startswith("error: the file system: No space left on device\nhint:  free some space")


@pytest.mark.parametrize("redirected", [">/dev/full", "2>/dev/full", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_failure_keeps_its_exit_code_wherever_it_is_redirected(redirected: str) -> None:
    code, stderr = run_script(FAILURE, redirected)
    assert code == 2
    assert stderr in ("", "error: no\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_descriptor_of_a_closed_stream(closed: str) -> None:
    script = "import os; from edgecl import console; console.run(lambda: os._exit(os.open('/', os.O_RDONLY)))"
    number, _ = run_script(script, closed)
    assert number > 2
