"""Metadata of task blobs, cached by hash."""

from functools import lru_cache

from edgecl.store.blob_folder import BlobFolder
from edgecl.store.blob_record import BlobRecord, read_unverified_record

CACHE_SIZE = 256


class TaskRecords:
    """The records of the blobs in one folder, each read once and not verified."""

    def __init__(self, blobs: BlobFolder) -> None:
        self._blobs = blobs
        self._read_cached = lru_cache(CACHE_SIZE)(self._read)

    def find(self, sha256: str) -> BlobRecord | None:
        """Return the record of the blob with this hash, or None if it cannot be read at present."""
        try:
            return self._read_cached(sha256)
        except LookupError:
            return None

    def _read(self, sha256: str) -> BlobRecord:
        record = read_unverified_record(self._blobs.read_start(sha256))
        if record is None:  # lru_cache does not store exceptions, so a failed read is repeated
            raise LookupError(sha256)
        return record
