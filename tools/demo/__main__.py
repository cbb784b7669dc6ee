"""`python -m tools.demo`: 0 when every command of the story did what it should."""

import sys
from pathlib import Path

from rich.console import Console

from tools.command import Command
from tools.demo.runner import parser, told
from tools.demo.story import Story


def main() -> int:
    """The exit code of the whole."""
    options = parser("tools.demo", "Two lessons and a recording.").parse_args()

    def tell(folder: Path, console: Console) -> None:
        Story(folder, Command(folder / "home", options.bundle, folder), console).tell()

    return told(options.folder, tell)


if __name__ == "__main__":
    sys.exit(main())
