"""The command `edgecl`: one module a command, thin ones; `main` is the only way in and out.

Heavy imports wait until a command needs them, so that `--help` answers at once and Ctrl-C is never
answered with a traceback.
"""

import sys

from device_runtime.cli.interrupts import interrupts
from edgecl import console


def main() -> None:
    """Run the command line given to this process and leave with its exit code."""
    interrupts.install()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names may be any bytes
    sys.exit(console.run(_parse_and_run, as_json="--json" in sys.argv[1:]))


def _parse_and_run() -> int:
    from device_runtime.cli.app import app  # noqa: PLC0415
    from device_runtime.cli.arguments import run  # noqa: PLC0415

    return run(app, sys.argv[1:], "edgecl")
