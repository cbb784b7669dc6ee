"""The integrity check of a task's blob, and the blob to fall back to."""

from dataclasses import dataclass
from typing import Literal

from edgecl.store.blob_folder import BlobFolder
from edgecl.store.blob_record import read_unverified_record
from edgecl.store.registry import TaskEntry

Status = Literal["unchanged", "damaged", "missing"]


@dataclass(frozen=True)
class IntegrityCheck:
    """The result of `verify` for one task's current blob."""

    task: str
    status: Status
    sha256: str
    detail: str = ""  # the consequence for the task, and what to do


def check_integrity(entry: TaskEntry, blobs: BlobFolder) -> IntegrityCheck:
    """Check one task's current blob; no file is moved."""
    status = find_status(entry, blobs)
    detail = "" if status == "unchanged" else _describe_consequence(entry, blobs)
    return IntegrityCheck(entry.task, status, entry.sha256, detail)


def find_status(entry: TaskEntry, blobs: BlobFolder) -> Status:
    """Compare the current blob with what was committed; a quarantined one is "damaged"."""
    if blobs.read(entry.sha256) is not None:
        return "unchanged"
    is_damaged = blobs.has(entry.sha256) or blobs.is_quarantined(entry.sha256)
    return "damaged" if is_damaged else "missing"


def read_previous(entry: TaskEntry, blobs: BlobFolder) -> bytes | None:
    """Return the generation before the current blob, if it exists and is intact."""
    return blobs.read(entry.previous_sha256) if entry.previous_sha256 else None


def _describe_consequence(entry: TaskEntry, blobs: BlobFolder) -> str:
    previous = read_previous(entry, blobs)
    record = read_unverified_record(previous) if previous else None
    if record is not None:
        consequence = f"rolled back to the version of {record.created}"
    elif blobs.is_quarantined(entry.sha256):
        consequence = "lost: its blob is in quarantine"
    else:
        consequence = "lost"
    return f"{consequence}; enroll it again with --replace, or forget it"
