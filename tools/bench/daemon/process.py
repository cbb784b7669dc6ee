"""`edgecl serve` in a process of its own: what it tells and when, what it costs."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from tools.command import EDGECL, CommandError

Event = dict[str, Any]
PATIENCE_S = 30.0


class Served:
    """A daemon; it is ended with the context."""

    def __init__(
        self,
        folder: Path,
        home: Path,
        config: str,
        *options: str,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        cores: set[int] | None = None,
    ) -> None:
        """Start it.

        Args:
            folder: for its configuration and what it says.
            config: TOML, without the home.
            options: of `edgecl serve`.
            stdin: for a source '-'.
            cores: that it and its children may use; None: all.
        """
        self.told: list[tuple[float, Event]] = []
        """When a line came out (monotonic clock), and what it said."""
        self._errors = folder / "stderr.txt"
        (folder / "config.toml").write_text(f'home = "{home}"\n{config}')
        self.started_s = time.monotonic()
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(EDGECL), "serve", "--config", str(folder / "config.toml"), *options],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=compiled_once(folder.parent),
                preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,  # noqa: PLW1509
            )
        self._watched = psutil.Process(self.process.pid)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *failure: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reading.join()

    @property
    def said(self) -> str:
        """All of stderr."""
        return self._errors.read_text()

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the daemon itself, without its children."""
        used = self._watched.cpu_times()
        return used.user + used.system

    @property
    def memory_bytes(self) -> int:
        """What of it is in memory now."""
        return self._watched.memory_info().rss

    def first(self, wanted: Mapping[str, object]) -> tuple[float, Event]:
        """The first event whose fields have these values, waited for."""
        found = self._wait(lambda: next((t for t in self.told if wanted.items() <= t[1].items()), None))
        if found is None:
            raise CommandError(f"'edgecl serve' did not tell of {wanted}: {self.said}")
        return found

    def stop(self) -> str:
        """Its last sentence, after SIGTERM. Raises CommandError where it does not end well."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> str:
        """Its last sentence, once it has ended of itself. Raises CommandError where it does not end well."""
        code = self.process.wait()
        self._reading.join()
        if code != 0:
            raise CommandError(f"'edgecl serve' ended with exit code {code}: {self.said}")
        return self.said.splitlines()[-1]

    def _read(self) -> None:
        assert self.process.stdout is not None  # it was asked for
        with self.process.stdout as lines:
            for line in lines:
                self.told.append((time.monotonic(), json.loads(line)))

    def _wait(self, found: Callable[[], tuple[float, Event] | None]) -> tuple[float, Event] | None:
        late_s = time.monotonic() + PATIENCE_S
        while (answer := found()) is None and time.monotonic() < late_s and self.process.poll() is None:
            time.sleep(0.02)
        return answer or found()


def compiled_once(folder: Path) -> dict[str, str]:
    """The environment, in which Python keeps what it compiled, as an installation by pip has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
