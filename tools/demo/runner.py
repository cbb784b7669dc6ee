"""What both demonstrations share: options, working folder, exit code, titles, hashes of task files."""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tools.command import Command, CommandError

PIPE_WIDTH = 110
"""Columns of the output where stdout is no terminal."""


def make_parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that both demonstrations have."""
    parser = argparse.ArgumentParser(prog=module, description=description)
    parser.add_argument(
        "--folder", type=Path, help="keep sounds and tasks in this folder (default: a temporary folder)"
    )
    parser.add_argument("--bundle", type=absolute_path, help="bundle folder (default: the shipped bundle)")
    return parser


def absolute_path(path: str) -> Path:
    """Return the absolute path, which stays valid when the working folder changes."""
    return Path(path).absolute()


def run_story(folder: Path | None, story: Callable[[Path, Console], None]) -> int:
    """Run a demonstration and return its exit code.

    Args:
        folder: where it writes its files; None: a temporary folder.
        story: called with the absolute folder and the console to print to.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    with tempfile.TemporaryDirectory(prefix="edgecl-demo-") as temporary:
        try:
            story((folder or Path(temporary)).absolute(), console)
        except CommandError as error:
            console.print(f"error: {error}", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("interrupted")
            return 1
    return 0


def print_title(console: Console, title: str) -> None:
    """Print the title of a step."""
    console.print(f"\n── {title}", style="bold")


def hash_task_file(command: Command, task: str) -> str:
    """Compute the SHA-256 of a task's file from its bytes."""
    entries = {entry["task"]: entry["sha256"] for entry in command.document("tasks")["tasks"]}
    blob = command.home / "blobs" / f"{entries[task]}.safetensors"
    return hashlib.sha256(blob.read_bytes()).hexdigest()
