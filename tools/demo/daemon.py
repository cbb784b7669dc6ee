"""`python -m tools.demo.daemon`: 0 when everything in the daemon's story happened."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tools.api_client import free_port
from tools.command import Command
from tools.demo.daemon_story import ROOT, DaemonStory
from tools.demo.runner import parser, told


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    asked = parser("tools.demo.daemon", "A daemon that learns meanwhile.")
    asked.add_argument("--stay", action="store_true", help="go on at the end, for a browser")
    asked.add_argument("--port", type=int, help="where its page is (a free one)")
    return asked.parse_args()


def main() -> int:
    """The exit code of the whole."""
    options = arguments()

    def tell(folder: Path, console: Console) -> None:
        command = Command(folder / "home", options.bundle, ROOT)
        DaemonStory(folder, command, console, options.port or free_port(), options.stay).tell()

    return told(options.folder, tell)


if __name__ == "__main__":
    sys.exit(main())
