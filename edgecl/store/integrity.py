"""What became of a task's blob, and what that means for the task."""

from dataclasses import dataclass
from typing import Literal

from edgecl.store.blob_folder import BlobFolder
from edgecl.store.registry import TaskEntry

Status = Literal["unchanged", "damaged", "missing"]


@dataclass(frozen=True)
class IntegrityCheck:
    """What `verify` found about one task's current blob."""

    task: str
    status: Status
    sha256: str
    detail: str = ""  # what that means for the task, and what to do


def judge(entry: TaskEntry, blobs: BlobFolder) -> IntegrityCheck:
    """The verdict on one task; nothing is moved."""
    status = status_of(entry, blobs)
    detail = "" if status == "unchanged" else _consequence(entry, blobs)
    return IntegrityCheck(entry.task, status, entry.sha256, detail)


def status_of(entry: TaskEntry, blobs: BlobFolder) -> Status:
    """Whether the current blob is what was committed; 'damaged' also when it lies in quarantine."""
    if blobs.read(entry.sha256) is not None:
        return "unchanged"
    return "damaged" if blobs.has(entry.sha256) or blobs.is_put_away(entry.sha256) else "missing"


def previous(entry: TaskEntry, blobs: BlobFolder) -> bytes | None:
    """The generation before the current blob, if there is one and it is intact."""
    return blobs.read(entry.previous_sha256) if entry.previous_sha256 else None


def _consequence(entry: TaskEntry, blobs: BlobFolder) -> str:
    spare = previous(entry, blobs)
    if spare is not None:
        fate = f"rolled back to the version of {TaskEntry.of(spare).created}"
    elif blobs.is_put_away(entry.sha256):
        fate = "lost: its blob is in quarantine"
    else:
        fate = "lost"
    return f"{fate}; enroll it again with --replace, or forget it"
