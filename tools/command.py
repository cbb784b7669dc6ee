"""The real command `edgecl` in a child process, with its own home."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EDGECL = Path(sys.executable).with_name("edgecl")


class CommandError(Exception):
    """A command failed; the message holds the command line and its messages."""


@dataclass(frozen=True)
class Command:
    """The command `edgecl` with a home, a bundle (None: the shipped one) and a working folder."""

    home: Path
    bundle: Path | None = None
    folder: Path | None = None

    def words(self, *arguments: str) -> list[str]:
        """Return the words of the command line; the home is passed as `EDGECL_HOME`."""
        return ["edgecl", *arguments, *(["--bundle", str(self.bundle)] if self.bundle else [])]

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
        """Start the command and return its process."""
        return subprocess.Popen(
            [str(EDGECL), *self.words(*arguments)[1:]],
            cwd=self.folder,
            env={**os.environ, "EDGECL_HOME": str(self.home)},
            text=True,
            **streams,
        )

    def show(self, *arguments: str) -> None:
        """Print the command line and run it on this terminal.

        Raises:
            CommandError: the exit code is not 0.
        """
        words = self.words(*arguments)
        print(f"\n$ {shlex.join(words)}", flush=True)
        _demand_success(words, self.start(*arguments).wait(), "")

    def run(self, *arguments: str) -> str:
        """Run the command and return its stdout.

        Raises:
            CommandError: the exit code is not 0.
        """
        with self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            output, messages = process.communicate()
        _demand_success(self.words(*arguments), process.returncode, messages)
        return output

    def document(self, *arguments: str) -> Any:
        """Run the command with `--json` and return its JSON document.

        Raises:
            CommandError: the exit code is not 0.
        """
        return json.loads(self.run(*arguments, "--json"))


def _demand_success(words: Sequence[str], code: int, messages: str) -> None:
    if code != 0:
        raise CommandError(f"'{shlex.join(words)}' ended with exit code {code}\n{messages}".rstrip())
