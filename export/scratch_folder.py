"""A temporary folder that a signal deletes, too."""

import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edgecl import console

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def open_scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder in `parent` that is deleted at the end, and by Ctrl-C or SIGTERM.

    A signal ends the process inside its handler: torch's exporter swallows an exception that is raised there.
    Call it in the main thread.
    """
    folder = parent / f"{prefix}{uuid.uuid4().hex}"

    def end(number: int, frame: FrameType | None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        console.exit_at_once(console.make_interruption(console.UNCHANGED), as_json=False)

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        folder.mkdir(mode=0o700)  # after the handlers are there, else a signal in between would leave it
        yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        shutil.rmtree(folder, ignore_errors=True)
