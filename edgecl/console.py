"""From a failure to text and an exit code: the one place where either is decided.

Exit codes: 0 done, 1 could not (or interrupted), 2 misused. Anything that is not an `EdgeclError` is a
bug and keeps its traceback.
"""

import errno
import sys
from collections.abc import Callable

from edgecl.errors import EdgeclError

INTERRUPTED = 1


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


def run(command: Callable[[], int | None]) -> int:
    """The exit code of `command`, with every expected failure told on stderr."""
    try:
        return command() or 0
    except EdgeclError as error:
        print(explain(error), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        known = from_os_error(error)
        print(explain(known), file=sys.stderr)
        return known.exit_code
    except KeyboardInterrupt:
        print("interrupted: nothing was changed", file=sys.stderr)
        return INTERRUPTED
