"""Entry point of `edgecl-export`; reports a missing host extra before torch is imported."""

import sys

from device_runtime.cli.arguments import run_app
from edgecl import console
from edgecl.errors import ExportError


def main() -> None:
    """Run the console script and exit with its code."""
    sys.exit(console.run(_run_app))


def _run_app() -> int:
    try:
        import torch  # noqa: PLC0415

        from .commands import app  # noqa: PLC0415
    except ImportError as error:
        raise ExportError(
            f"edgecl-export needs the host extra: {error}", "in the clone: pip install '.[host]'"
        ) from error
    torch.set_num_threads(1)
    return run_app(app, sys.argv[1:], "edgecl-export")
