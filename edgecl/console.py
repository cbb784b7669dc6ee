"""Conversion of failures into text and exit codes, for all command lines.

Exit codes: 0 done, 1 failed (or interrupted), 2 wrong usage. Any exception that is not an `EdgeclError` is a
bug and keeps its traceback. A reader that closes stdout early is no failure.
"""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from edgecl.errors import DiskFullError, EdgeclError

UNCHANGED = "nothing was changed"


def format_error(error: EdgeclError) -> str:
    """Format an error as `error: …` and, if it has a hint, `hint:  …` on a second line."""
    text = f"error: {escape_unprintable(error.message)}"
    return f"{text}\nhint:  {escape_unprintable(error.hint)}" if error.hint else text


def escape_unprintable(text: str) -> str:
    """Escape characters that could control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def format_json(document: dict[str, Any]) -> str:
    """Serialize a document as `--json` prints it, with no character that could control a terminal."""
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def translate_os_error(error: OSError) -> EdgeclError:
    """Describe a disk or permission error that no other code handled."""
    if error.errno is None:  # raised by a library, not by the operating system
        return EdgeclError(str(error))
    where = f"'{error.filename}'" if error.filename else "the file system"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run the command again; nothing that was stored is lost"
        return DiskFullError(f"{where}: {error.strerror or error}", hint)
    hints = {
        errno.EROFS: "choose a writable folder with --home",
        errno.EACCES: "check the permissions of this path, or choose another folder with --home",
    }
    return EdgeclError(f"{where}: {error.strerror or error}", hints.get(error.errno, ""))


def make_interruption(state: str) -> EdgeclError:
    """Make the error of a command that a signal stopped; `state` says what it left behind."""
    return EdgeclError(f"interrupted: {state}")


def run(command: Callable[[], int | None], as_json: bool = False) -> int:
    """Run a command and print every expected failure on stderr.

    Args:
        command: Returns an exit code; None means 0.
        as_json: Whether to print a failure as one JSON document on stdout, too.

    Returns:
        The exit code.
    """
    _prepare_streams()
    try:
        code = command() or 0
        sys.stdout.flush()
        return code
    except EdgeclError as error:
        return _report(error, as_json)
    except BrokenPipeError:
        discard_output(sys.stdout)
        return 0
    except OSError as error:
        return _report(translate_os_error(error), as_json)
    except KeyboardInterrupt:
        return _report(make_interruption(UNCHANGED), as_json)


def exit_at_once(error: EdgeclError, as_json: bool) -> NoReturn:
    """Report a failure past all buffers and end the process; safe in a signal handler."""
    if as_json:
        _write_unbuffered(1, format_json(_to_document(error)))
    _write_unbuffered(2, format_error(error))
    os._exit(error.exit_code)


def discard_output(stream: TextIO) -> None:
    """Redirect a stream, including what it has buffered, to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report(error: EdgeclError, as_json: bool) -> int:
    if as_json:
        _print(format_json(_to_document(error)), sys.stdout)
    _print(format_error(error), sys.stderr)
    return error.exit_code


def _to_document(error: EdgeclError) -> dict[str, Any]:
    return {"error": error.message, "hint": error.hint}


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:  # a full disk or a closed pipe: only the exit code is left
        discard_output(stream)


def _write_unbuffered(descriptor: int, text: str) -> None:
    newline = "\n" if os.isatty(descriptor) else ""  # ends the line of an unfinished progress bar
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{newline}{text}\n".encode(errors="backslashreplace"))


def _prepare_streams() -> None:
    """Reopen closed standard streams, so that no file takes their descriptors, and escape odd file names."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (for the rest of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
