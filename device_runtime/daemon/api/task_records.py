"""What the blobs of a store say about themselves, read once each."""

from functools import lru_cache

from edgecl.store.blob import BlobRecord, read_unverified_record
from edgecl.store.blob_folder import BlobFolder

REMEMBERED = 256


class TaskRecords:
    """The records of one folder of blobs, as its blobs claim them."""

    def __init__(self, blobs: BlobFolder) -> None:
        self._blobs = blobs
        self._legible = lru_cache(REMEMBERED)(self._read)

    def of(self, sha256: str) -> BlobRecord | None:
        """The record of the blob of this hash; None where it says nothing legible, now."""
        try:
            return self._legible(sha256)
        except LookupError:
            return None

    def _read(self, sha256: str) -> BlobRecord:
        record = read_unverified_record(self._blobs.read_start(sha256))
        if record is None:  # an exception is not remembered: the disk may give it the next time
            raise LookupError(sha256)
        return record
