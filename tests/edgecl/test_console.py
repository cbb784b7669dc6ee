"""Every failure becomes a sentence, a hint and an exit code; a reader that leaves is none."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

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
    printed = capsys.readouterr()
    assert printed.err == "error: 'a.wav' is silent\nhint:  record it again\n"
    assert printed.out == ""


def test_wrong_usage_exits_with_code_two() -> None:
    assert failing(UsageError("there is no 'x'")) == 2


def test_a_full_disk_is_a_sentence_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(OSError(28, "No space left on device", "/home/blob")) == 1
    assert "'/home/blob': No space left on device" in (printed := capsys.readouterr().err)
    assert "free some space" in printed


def test_an_interruption_says_what_state_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt()) == 1
    assert capsys.readouterr().err == "error: interrupted: nothing was changed\n"


def test_a_name_cannot_steer_the_terminal() -> None:
    steering = UsageError("there is no '\x1b[2J\x9b31m\n'", "look for 'ü\x07'")
    printed = "error: there is no '\\x1b[2J\\x9b31m\\n'\nhint:  look for 'ü\\x07'"
    assert console.format_error(steering) == printed


def test_a_document_cannot_steer_the_terminal_either_and_means_the_same() -> None:
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
        failing(ZeroDivisionError())


ANSWER = "import sys; from edgecl import console; sys.exit(console.run(lambda: print('x' * 10**6)))"
REFUSAL = """
import sys
from edgecl import console
from edgecl.errors import UsageError
def command():
    raise UsageError("no")
sys.exit(console.run(command, as_json=True))
"""


def run_script(script: str, redirected: str, stdout: int = subprocess.PIPE) -> tuple[int, str]:
    """The exit code and stderr of a script whose streams the shell redirects."""
    line = f'exec "$0" -c "$1" {redirected}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, script],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe whose reader has left."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


def test_a_reader_that_closes_the_pipe_is_no_failure(unread: int) -> None:
    assert run_script(ANSWER, "", unread) == (0, "")


def test_a_refusal_that_nobody_reads_keeps_its_exit_code(unread: int) -> None:
    assert run_script(REFUSAL, "", unread) == (2, "error: no\n")
    assert run_script(REFUSAL, "2>&1", unread) == (2, "")


def test_an_answer_that_a_full_disk_does_not_take_is_a_failure() -> None:
    code, printed = run_script(ANSWER, ">/dev/full")
    assert code == 1
    assert printed.startswith("error: the file system: No space left on device\nhint:  free some space")


@pytest.mark.parametrize("redirected", [">/dev/full", "2>/dev/full", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_refusal_keeps_its_exit_code_whatever_takes_it(redirected: str) -> None:
    code, printed = run_script(REFUSAL, redirected)
    assert code == 2
    assert printed in ("", "error: no\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_number_of_a_closed_stream(closed: str) -> None:
    script = "import os; from edgecl import console; console.run(lambda: os._exit(os.open('/', os.O_RDONLY)))"
    number, _ = run_script(script, closed)
    assert number > 2
