"""`edgecl serve` in a child process: its events with their times of arrival, its CPU time and memory."""

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
EVENT_TIMEOUT_S = 300.0


class DaemonProcess:
    """A running daemon; killed at the end of the context."""

    def __init__(
        self,
        folder: Path,
        home: Path,
        config: str,
        *options: str,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        cores: set[int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the daemon.

        Args:
            folder: for its configuration and its stderr.
            home: its home.
            config: TOML, without the home.
            options: options of `edgecl serve`.
            stdin: its stdin, for the source '-'.
            cores: cores that it and its children may use; None: all.
            environment: its environment; None: this one, with a bytecode cache of its own.
        """
        self.events: list[tuple[float, Event]] = []
        """Time of arrival (monotonic clock) and content of every line on stdout."""
        self._stderr_file = folder / "stderr.txt"
        (folder / "config.toml").write_text(f'home = "{home}"\n{config}')
        self.started_s = time.monotonic()
        with self._stderr_file.open("w") as stderr:
            self.process = subprocess.Popen(
                [str(EDGECL), "serve", "--config", str(folder / "config.toml"), *options],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment or make_environment(folder.parent),
                preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,  # noqa: PLW1509
            )
        self._process_info = psutil.Process(self.process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "DaemonProcess":
        return self

    def __exit__(self, *failure: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()

    @property
    def stderr(self) -> str:
        """The text on stderr so far."""
        return self._stderr_file.read_text()

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the daemon itself, without its children."""
        used = self._process_info.cpu_times()
        return used.user + used.system

    @property
    def memory_bytes(self) -> int:
        """Its resident memory now."""
        return self._process_info.memory_info().rss

    def wait_for(self, fields: Mapping[str, object]) -> tuple[float, Event]:
        """Wait for the first event with these fields; return its time of arrival and the event.

        Raises:
            CommandError: there is no such event within `EVENT_TIMEOUT_S`, or the daemon ended.
        """
        found = self._poll(lambda: next((e for e in self.events if fields.items() <= e[1].items()), None))
        if found is None:
            raise CommandError(f"'edgecl serve' emitted no event with {fields}: {self.stderr}")
        return found

    def stop(self) -> str:
        """Stop the daemon by SIGTERM and return the last line of its stderr, the summary.

        Raises:
            CommandError: its exit code is not 0.
        """
        self.process.terminate()
        return self.wait()

    def wait(self) -> str:
        """Wait until the daemon has ended and return the last line of its stderr, the summary.

        Raises:
            CommandError: its exit code is not 0.
        """
        code = self.process.wait()
        self._reader.join()
        if code != 0:
            raise CommandError(f"'edgecl serve' ended with exit code {code}: {self.stderr}")
        return self.stderr.splitlines()[-1]

    def _read(self) -> None:
        assert self.process.stdout is not None  # a pipe
        with self.process.stdout as lines:
            for line in lines:
                self.events.append((time.monotonic(), json.loads(line)))

    def _poll(self, find: Callable[[], tuple[float, Event] | None]) -> tuple[float, Event] | None:
        deadline_s = time.monotonic() + EVENT_TIMEOUT_S
        while (found := find()) is None and time.monotonic() < deadline_s and self.process.poll() is None:
            time.sleep(0.02)
        return found or find()


def make_environment(folder: Path) -> dict[str, str]:
    """Return an environment with a bytecode cache in `folder`, as an installation by pip has one."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
