"""What the blobs of a store say about themselves, read once each."""

from functools import lru_cache

from edgecl.blob import BlobRecord, claimed_record
from edgecl.blob_folder import BlobFolder

REMEMBERED = 256


class Records:
    """The records of one folder of blobs, as its blobs claim them."""

    def __init__(self, blobs: BlobFolder) -> None:
        self._blobs = blobs
        self.of = lru_cache(REMEMBERED)(self._read)
        """From the hash of a blob to its record; None where it says nothing legible."""

    def _read(self, sha256: str) -> BlobRecord | None:
        return claimed_record(self._blobs.start(sha256))
