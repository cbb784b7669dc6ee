"""`python -m tools.demo.daemon`: 0 when everything in the daemon's story happened."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tools.api import free_port
from tools.command import Command, CommandError
from tools.demo.daemon_story import ROOT, DaemonStory

PIPE_WIDTH = 110


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(prog="tools.demo.daemon", description="A daemon that learns meanwhile.")
    parser.add_argument("--stay", action="store_true", help="go on at the end, for a browser")
    parser.add_argument("--port", type=int, help="where its page is (a free one)")
    parser.add_argument("--folder", type=Path, help="where sounds and tasks go and stay (a temporary folder)")
    parser.add_argument("--bundle", type=Path, help="the bundle to use instead of the shipped one")
    return parser.parse_args()


def main() -> int:
    """The exit code of the whole."""
    options = arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    with tempfile.TemporaryDirectory(prefix="edgecl-demo-") as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        command = Command(folder / "home", options.bundle and options.bundle.absolute(), ROOT)
        try:
            DaemonStory(folder, command, console, options.port or free_port(), options.stay).tell()
        except CommandError as error:
            console.print(f"error: {error}", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("interrupted")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
