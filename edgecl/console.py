"""From a failure to text and an exit code: the one place where either is decided.

Exit codes: 0 done, 1 could not (or interrupted), 2 misused. Anything that is not an `EdgeclError` is a
bug and keeps its traceback. A reader that closes stdout early is no failure: what it did not want is not
written.
"""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from edgecl.errors import EdgeclError

UNCHANGED = "nothing was changed"


def format_error(error: EdgeclError) -> str:
    """`error: …` and, where there is one, `hint:  …` on a second line."""
    text = f"error: {escape_unprintable(error.message)}"
    return f"{text}\nhint:  {escape_unprintable(error.hint)}" if error.hint else text


def escape_unprintable(text: str) -> str:
    """The text without characters that could steer a terminal: they are shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def format_json(document: dict[str, Any]) -> str:
    """The document as `--json` prints it, safe for terminals too."""
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def translate_os_error(error: OSError) -> EdgeclError:
    """The sentence for a disk or permission problem that reached the top unexplained."""
    if error.errno is None:  # not from the operating system: a library borrowed the class
        return EdgeclError(str(error))
    where = f"'{error.filename}'" if error.filename else "the file system"
    hints = {
        errno.ENOSPC: "free some space and run the command again; nothing that was stored is lost",
        errno.EROFS: "choose a writable folder with --home",
        errno.EACCES: "check the permissions of this path, or choose another folder with --home",
    }
    return EdgeclError(f"{where}: {error.strerror or error}", hints.get(error.errno, ""))


def make_interruption(left: str) -> EdgeclError:
    """What to say when a signal asked the command to stop, and which state is left."""
    return EdgeclError(f"interrupted: {left}")


def run(command: Callable[[], int | None], as_json: bool = False) -> int:
    """The exit code of `command`, with every expected failure told on stderr.

    Args:
        command: what to do; None and 0 mean done.
        as_json: also give a failure as one JSON document on stdout.
    """
    _prepare_streams()
    try:
        code = command() or 0
        sys.stdout.flush()
        return code
    except EdgeclError as error:
        return _failed(error, as_json)
    except BrokenPipeError:
        discard_output(sys.stdout)
        return 0
    except OSError as error:
        return _failed(translate_os_error(error), as_json)
    except KeyboardInterrupt:
        return _failed(make_interruption(UNCHANGED), as_json)


def exit_at_once(error: EdgeclError, as_json: bool) -> NoReturn:
    """End the process at once, the failure told past all buffers: for use within a signal handler."""
    if as_json:
        _write_through(1, format_json(_document(error)))
    _write_through(2, format_error(error))
    os._exit(error.exit_code)


def discard_output(stream: TextIO) -> None:
    """Send what the stream still holds, and all that follows, nowhere: nobody takes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _failed(error: EdgeclError, as_json: bool) -> int:
    if as_json:
        _tell(format_json(_document(error)), sys.stdout)
    _tell(format_error(error), sys.stderr)
    return error.exit_code


def _document(error: EdgeclError) -> dict[str, Any]:
    return {"error": error.message, "hint": error.hint}


def _tell(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:  # a full disk or a closed pipe; the exit code still says it
        discard_output(stream)


def _write_through(descriptor: int, text: str) -> None:
    below = "\n" if os.isatty(descriptor) else ""  # the line that a progress bar left unfinished
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{below}{text}\n".encode(errors="backslashreplace"))


def _prepare_streams() -> None:
    """Replace streams that the caller closed, so that no file takes their number; print any file name."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (for the rest of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
