"""`python -m tools.demo.daemon`: exit code 0 when every step of the daemon's demonstration succeeded."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tools.api_client import find_free_port
from tools.command import Command
from tools.demo.daemon_story import ROOT, DaemonStory
from tools.demo.runner import make_parser, run_story


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("tools.demo.daemon", "Enrol a task while the daemon listens to a microphone.")
    parser.add_argument("--stay", action="store_true", help="keep the daemon running until Ctrl-C")
    parser.add_argument("--port", type=int, help="TCP port of the page and the API (default: any free port)")
    return parser.parse_args()


def main() -> int:
    """Run the demonstration and return its exit code."""
    options = parse_options()

    def run(folder: Path, console: Console) -> None:
        command = Command(folder / "home", options.bundle, ROOT)
        DaemonStory(folder, command, console, options.port or find_free_port(), options.stay).run()

    return run_story(options.folder, run)


if __name__ == "__main__":
    sys.exit(main())
