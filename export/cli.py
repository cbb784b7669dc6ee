"""`edgecl-export`, the entry: it can say what is missing where the host extra is not installed."""

import sys

from device_runtime.cli.arguments import run_app
from edgecl import console
from edgecl.errors import ExportError


def main() -> None:
    """Entry point of the console script."""
    sys.exit(console.run(_command))


def _command() -> int:
    try:
        import torch  # noqa: PLC0415

        from export.commands import app  # noqa: PLC0415
    except ImportError as error:
        raise ExportError(
            f"edgecl-export needs the host extra: {error}", "in the clone: pip install '.[host]'"
        ) from error
    torch.set_num_threads(1)
    return run_app(app, sys.argv[1:], "edgecl-export")
