"""`python -m tools.demo`: exit code 0 when every command of the demonstration succeeded."""

import sys
from pathlib import Path

from rich.console import Console

from tools.command import Command
from tools.demo.runner import make_parser, run_story
from tools.demo.story import Story


def main() -> int:
    """Run the demonstration and return its exit code."""
    options = make_parser(
        "tools.demo", "Enrol two tasks and detect their sounds in a recording."
    ).parse_args()

    def run(folder: Path, console: Console) -> None:
        Story(folder, Command(folder / "home", options.bundle, folder), console).run()

    return run_story(options.folder, run)


if __name__ == "__main__":
    sys.exit(main())
