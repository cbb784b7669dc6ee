"""One sub-folder of a watched folder → a task, learnt by the command in a process of its own.

What came of it is told, and written beside the folder, where whoever dropped the files will look:

    folder/alarms/…              the recordings
    folder/alarms.report.json    `told` in a sentence, then all that `edgecl enroll --json` says
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from device_runtime.daemon.folder_import.scan import ImportState
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.daemon.worker import Document, RefusedError, Worker
from device_runtime.data.ingest import NOTHING_NEW
from device_runtime.system.progress import ignore_progress
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import EdgeclError, UsageError
from edgecl.events import format_time
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet
from edgecl.task_names import check_task_name

LONGEST_S = 3600.0
ASKED_EVERY_S = 0.5
REPORT_MODE = 0o644
"""Of a report: who dropped the files is to read it, whatever may be read of what else the daemon writes."""


class FolderImporter:
    """Learns, one folder at a time."""

    def __init__(
        self,
        home: Path,
        bundle: Path,
        memory: ImportState,
        turn: TrainingLock,
        tell: Callable[[str], None],
    ) -> None:
        """`turn` is held by whoever teaches a task; `tell` is told what came of it, in a sentence."""
        self._home, self._bundle = home, bundle
        self._memory = memory
        self._turn = turn
        self._tell = tell
        self._child: Worker | None = None
        self._stopped = False

    def learn(self, folder: Path) -> bool:
        """Whether the task of this folder now knows all that is in it; waits while another one is learnt.

        Raises:
            EdgeclError: learning broke off; it may go well another time.
        """
        with self._alone(folder.name) as may:
            if not may:
                return False
            try:
                document = self._outcome(folder)
            except EdgeclError:
                if not self._stopped:  # what is given up may break off
                    raise
        if self._stopped:
            return False
        self._memory.end(folder.name)
        self._tell(document["told"])
        self._report(folder, document)
        return "error" not in document

    def stop(self) -> None:
        """Learn no more; what is being learnt is given up."""
        self._stopped = True
        if self._child:
            self._child.stop()

    def _outcome(self, folder: Path) -> Document:
        try:
            task = check_task_name(folder.name)
            _demand_sound(folder)
            return _told(task, folder, self._enroll(task, folder))
        except (RefusedError, UsageError) as error:
            if error.message == NOTHING_NEW:
                return {"told": f"'{folder}' holds nothing new for '{folder.name}'"}
            reason = f"'{folder}' is not learnt: {error.message}"
            told = f"{reason}; {error.hint}" if error.hint else reason
            return {"told": told, "error": error.message, "hint": error.hint}

    def _enroll(self, task: str, folder: Path) -> Document:
        words = ["enroll", *self._mode(task, folder), "--", task, str(folder)]
        self._tell(f"learning '{task}' from '{folder}'")
        self._child = Worker(self._home, self._bundle, words, ignore_progress)
        if self._stopped:  # meanwhile
            self._child.stop()
        try:
            return self._child.answer(LONGEST_S)
        finally:
            self._child = None

    def _mode(self, task: str, folder: Path) -> list[str]:
        """How it is enrolled: a first lesson that was broken off may have left a hasty first version.

        That one is replaced. Whatever else the task was taught meanwhile is added to.
        """
        with Store.open(self._home, create=True) as store:
            known = next((entry for entry in store.list_tasks() if entry.task == task), None)
            lessons = store.training_sets.read(known.sha256) or () if known else ()
        if known and not (self._memory.is_begun(folder.name) and _all_lie_in(folder, lessons)):
            return ["--add"]
        self._memory.begin(folder.name)
        return ["--replace"] if known else []

    @contextmanager
    def _alone(self, task: str) -> Iterator[bool]:
        """Whether it may learn now; False where it is to stop instead."""
        while not self._turn.take(task, ASKED_EVERY_S):
            if self._stopped:
                yield False
                return
        try:
            yield not self._stopped
        finally:
            self._turn.give_back()

    def _report(self, folder: Path, document: Document) -> None:
        """Write it beside the folder; where that may not be written it has been told all the same."""
        path = folder.with_name(f"{folder.name}.report.json")
        beside = path.with_name(f".{path.name}.part")
        text = json.dumps({"time": format_time(time.time()), **document}, indent=2, ensure_ascii=False)
        try:
            beside.unlink(missing_ok=True)
            # never through a link that somebody put there; and names of files may be no text
            with beside.open("x", encoding="utf-8", errors="backslashreplace") as file:
                os.fchmod(file.fileno(), REPORT_MODE)
                file.write(text)
            beside.replace(path)
        except OSError:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _told(task: str, folder: Path, document: dict[str, Any]) -> Document:
    """The document of `edgecl enroll`, and what matters of it in a sentence."""
    recordings = sum(row["clips"] for row in document["classes"])
    said = [
        f"'{folder}' is learnt: '{task}' tells {', '.join(document['labels'])} by {recordings} recordings"
    ]
    if document["held_out_accuracy"] is not None:
        said.append(f"of those kept aside {document['held_out_accuracy']:.0%} were recognised")
    if document["refused"]:
        said.append(f"{len(document['refused'])} skipped, such as: {document['refused'][0]['reason']}")
    return {"told": "; ".join(said), **document}


def _demand_sound(folder: Path) -> None:
    """Refuse what no lesson could come of.

    Raises:
        UsageError: it holds no recording.
    """
    try:
        find_audio_files([folder])
    except UsageError:
        reason = "there are no recordings in it"
        raise UsageError(reason, "WAV, FLAC, OGG, Opus, MP3 and AIFF are read") from None


def _all_lie_in(folder: Path, lessons: TrainingSet) -> bool:
    """Whether all that these lessons are of lies in the folder, so that learning it anew loses nothing."""
    found = set()
    for path in find_audio_files([folder]):
        with suppress(OSError), path.open("rb") as file:
            found.add(hashlib.file_digest(file, "sha256").hexdigest())
    return bool(lessons) and {taught.clip_sha256 for taught in lessons} <= found
