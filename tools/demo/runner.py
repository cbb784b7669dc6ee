"""How a story is told: where its sounds go, who hears it, and with which code it ends."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tools.command import CommandError

PIPE_WIDTH = 110


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """What every story takes."""
    made = argparse.ArgumentParser(prog=module, description=description)
    made.add_argument("--folder", type=Path, help="where sounds and tasks go and stay (a temporary folder)")
    made.add_argument("--bundle", type=absolute, help="the bundle to use instead of the shipped one")
    return made


def absolute(path: str) -> Path:
    """A path that holds in every folder."""
    return Path(path).absolute()


def told(folder: Path | None, tell: Callable[[Path, Console], None]) -> int:
    """The exit code of a story told in a folder, a temporary one where none is named."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    with tempfile.TemporaryDirectory(prefix="edgecl-demo-") as temporary:
        try:
            tell((folder or Path(temporary)).absolute(), console)
        except CommandError as error:
            console.print(f"error: {error}", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("interrupted")
            return 1
    return 0
