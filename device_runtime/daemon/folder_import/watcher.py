"""A folder that is looked at every few seconds: what is dropped into it is learnt, once it has been quiet.

    dropped ── ten seconds without a change ──► learnt ──► remembered
                                                   ├─────► refused: again when something changes, not before
                                                   └─────► broken off: again in ten minutes

Nothing that happens to the folder stops anybody from listening: one that is gone is waited for, a bad one is
told of once. What is deleted from it stays learnt.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from device_runtime.daemon.folder_import.importer import FolderImporter
from device_runtime.daemon.folder_import.scan import Files, ImportState, dropped, is_soundless
from device_runtime.daemon.training_lock import TrainingLock
from edgecl.errors import EdgeclError

LOOKED_EVERY_S = 3.0
RESTS = 20  # times as long as a look took: a large folder on a slow disk is looked at less often
QUIET_S = 10.0
AGAIN_S = 600.0  # after what may go well another time: no memory, a full disk
LAST_WORDS_S = 10.0  # beyond that a network disk hangs


class FolderWatch:
    """Decides what is learnt, and when."""

    def __init__(
        self, folder: Path, memory: ImportState, learn: Callable[[Path], bool], tell: Callable[[str], None]
    ) -> None:
        """`learn` learns a sub-folder and says whether it could; it is not asked twice of the same, unless it
        broke off."""
        self.took_s = 0.0
        """How long the last look took."""
        self._folder = folder
        self._memory = memory
        self._learn = learn
        self._tell = tell
        self._fault = ""
        self._seen: dict[str, tuple[Files, float]] = {}  # what lies there, and since when
        self._failed: dict[str, tuple[Files, float]] = {}  # what could not be learnt, and until when to wait

    def look(self, now_s: float) -> None:
        """Look once, at `now_s` of a steady clock, and learn what is due."""
        began_s = time.monotonic()
        try:
            found = dropped(self._folder)
            self._fault = ""
        except OSError as error:
            self._complain(f"the watched folder '{self._folder}' cannot be read: {error.strerror}")
            return
        finally:
            self.took_s = time.monotonic() - began_s
        before = self._seen
        self._seen = {
            name: before[name] if name in before and before[name][0] == files else (files, now_s)
            for name, files in found.items()
        }
        for name, (files, since_s) in self._seen.items():
            if now_s - since_s >= QUIET_S and self._is_due(name, files, now_s):
                self._take(name, files, now_s)

    def _is_due(self, name: str, files: Files, now_s: float) -> bool:
        learnt = self._memory.of(name)
        if files <= learnt or (learnt and is_soundless(files)):  # or its recordings were deleted since
            return False
        failed, until_s = self._failed.get(name, (None, 0.0))
        return failed != files or now_s >= until_s

    def _take(self, name: str, files: Files, now_s: float) -> None:
        self._failed[name] = files, math.inf  # until it is known better
        try:
            if self._learn(self._folder / name):
                self._memory.add(name, files)
        except (EdgeclError, OSError) as error:
            self._failed[name] = files, now_s + AGAIN_S
            self._complain(f"'{self._folder / name}' is not learnt: {error}")

    def _complain(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            self._tell(f"{fault}; it is looked at again")


@contextmanager
def watching(
    folder: Path, home: Path, bundle: Path, turn: TrainingLock, tell: Callable[[str], None]
) -> Iterator[None]:
    """The folder is watched, by a thread of its own, for as long as this lasts; see `DropIn`."""
    memory = ImportState(home)
    drop_in = FolderImporter(home, bundle, memory, turn, tell)
    watch = FolderWatch(folder, memory, drop_in.learn, tell)
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(max(LOOKED_EVERY_S, RESTS * watch.took_s)):
            watch.look(time.monotonic())

    thread = threading.Thread(target=go_on, daemon=True)
    is_new = _is_made(folder)
    thread.start()
    tell(f"'{folder}' is {'made and ' if is_new else ''}watched: every folder in it becomes a task")
    try:
        yield
    finally:
        over.set()
        drop_in.stop()
        thread.join(LAST_WORDS_S)


def _is_made(folder: Path) -> bool:
    """Make the folder where just it is missing; what else is wrong with it the first look tells."""
    try:
        folder.mkdir()
    except OSError:
        return False
    return True
