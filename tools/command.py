"""The real command `edgecl` as a child process on a home of its own, as a user would type it."""

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
    """A command did not do what it should; the text holds the command line and what it said."""


@dataclass(frozen=True)
class Command:
    """`edgecl` with a home, a bundle (None: the shipped one) and a working folder."""

    home: Path
    bundle: Path | None = None
    folder: Path | None = None

    def words(self, *arguments: str) -> list[str]:
        """What a user types, word by word; the home stands in `EDGECL_HOME`."""
        return ["edgecl", *arguments, *(["--bundle", str(self.bundle)] if self.bundle else [])]

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
        """The running process."""
        return subprocess.Popen(
            [str(EDGECL), *self.words(*arguments)[1:]],
            cwd=self.folder,
            env={**os.environ, "EDGECL_HOME": str(self.home)},
            text=True,
            **streams,
        )

    def show(self, *arguments: str) -> None:
        """Echoes the command line and runs it on this terminal. Raises CommandError where it fails."""
        words = self.words(*arguments)
        print(f"\n$ {shlex.join(words)}", flush=True)
        _demand(words, self.start(*arguments).wait(), "")

    def run(self, *arguments: str) -> str:
        """What the command prints on stdout. Raises CommandError where it fails."""
        with self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            output, messages = process.communicate()
        _demand(self.words(*arguments), process.returncode, messages)
        return output

    def document(self, *arguments: str) -> Any:
        """The JSON document that the command prints. Raises CommandError where it fails."""
        return json.loads(self.run(*arguments, "--json"))


def _demand(words: Sequence[str], code: int, messages: str) -> None:
    if code != 0:
        raise CommandError(f"'{shlex.join(words)}' ended with exit code {code}\n{messages}".rstrip())
