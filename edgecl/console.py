"""From a failure to text and an exit code: the one place where either is decided.

Exit codes: 0 done, 1 could not (or interrupted), 2 misused. Anything that is not an `EdgeclError` is a
bug and keeps its traceback. A reader that closes stdout early is no failure: what it did not want is not
written.
"""

import errno
import json
import os
import sys
from collections.abc import Callable

from edgecl.errors import EdgeclError

UNCHANGED = "nothing was changed"


class Interrupted(BaseException):
    """A signal asked the command to stop; its text says what state is left."""


def explain(error: EdgeclError) -> str:
    """`error: …` and, where there is one, `hint:  …` on a second line."""
    text = f"error: {error.message}"
    return f"{text}\nhint:  {error.hint}" if error.hint else text


def from_os_error(error: OSError) -> EdgeclError:
    """The sentence for a disk or permission problem that reached the top unexplained."""
    where = f"'{error.filename}'" if error.filename else "the file system"
    hints = {
        errno.ENOSPC: "free some space and run the command again; nothing that was stored is lost",
        errno.EROFS: "choose a writable folder with --home",
        errno.EACCES: "check the permissions of this path, or choose another folder with --home",
    }
    return EdgeclError(f"{where}: {error.strerror or error}", hints.get(error.errno or 0, ""))


def run(command: Callable[[], int | None], as_json: bool = False) -> int:
    """The exit code of `command`, with every expected failure told on stderr.

    Args:
        command: what to do; None and 0 mean done.
        as_json: also give a failure as one JSON document on stdout.
    """
    try:
        code = command() or 0
        sys.stdout.flush()
        return code
    except EdgeclError as error:
        return _failed(error, as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(from_os_error(error), as_json)
    except Interrupted as signal:
        return _failed(EdgeclError(f"interrupted: {signal}"), as_json)
    except KeyboardInterrupt:
        return _failed(EdgeclError(f"interrupted: {UNCHANGED}"), as_json)


def _failed(error: EdgeclError, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": error.message, "hint": error.hint}, ensure_ascii=False, indent=2))
    print(explain(error), file=sys.stderr)
    return error.exit_code
