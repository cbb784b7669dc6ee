"""The command line `edgecl`: one thin module per command, `main` is the entry point.

Commands are imported after both signals are handled, and onnxruntime only when one needs it.
"""

import os
import sys

from device_runtime.cli.signals import interrupts
from edgecl import console
from edgecl.errors import EdgeclError

PACKAGES = ("edgecl", "device_runtime")
REINSTALL = "install it again: pip install --force-reinstall edgecl"


def main() -> None:
    """Run the command line of this process and exit with its exit code."""
    as_json = "--json" in sys.argv[1:]
    interrupts.install(as_json)
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # looking for some reads every installed package
    sys.exit(console.run(_parse_and_run, as_json))


def _parse_and_run() -> int:
    try:
        from device_runtime.cli.app import build_app  # noqa: PLC0415
        from device_runtime.cli.arguments import run_app  # noqa: PLC0415

        return run_app(build_app(), sys.argv[1:], "edgecl")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in PACKAGES:
            raise
        reason = " ".join(str(error).split())
        raise EdgeclError(f"the installation is incomplete: {reason}", REINSTALL) from error
    finally:
        interrupts.ignore()
