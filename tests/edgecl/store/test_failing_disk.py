"""A disk that fails while a change is committed: the exit code says whether the change is in effect."""

from pathlib import Path

import pytest

from edgecl.store.store import Store
from tests.disk_faults import run_with_fault
from tests.tiny_files import make_tiny_blob_bytes

COMMIT = """
import sys
from pathlib import Path
from edgecl.store.store import Store
with Store.open(Path(sys.argv[1]), create=False) as store:
    store.commit("doorbell", Path(sys.argv[2]).read_bytes(), replace=True)
    print(*store.warnings)
"""


@pytest.mark.parametrize(
    ("file", "number", "is_in_effect"),
    [("registry.db", 1, False), (".", 2, True)],
    ids=["before the commit", "after it"],
)
def test_a_change_that_the_disk_does_not_confirm_is_read_back(
    tmp_path: Path, file: str, number: int, is_in_effect: bool
) -> None:
    """The folder is flushed a second time when the journal is deleted, which is the commit."""
    home, data = tmp_path / "home", make_tiny_blob_bytes("doorbell", 3.0)
    with Store.open(home, create=True) as store:
        for value in (1.0, 2.0):
            store.commit("doorbell", make_tiny_blob_bytes("doorbell", value), replace=True)
    (tmp_path / "blob").write_bytes(data)
    fault = f"fsync,fdatasync:error=EIO:when={number}"
    done = run_with_fault(fault, home / file, ("-c", COMMIT, home, tmp_path / "blob"), tmp_path / "trace")
    assert (done.returncode == 0) == is_in_effect
    assert ("the change is stored, but perhaps not yet safe" in done.stdout) == is_in_effect
    with Store.open(home, create=False) as store:
        assert (store.read_blob("doorbell") == data) == is_in_effect
        assert len(store.blobs.list_hashes()) == 3  # what a power cut may bring back is kept
        store.commit("kettle", make_tiny_blob_bytes("kettle"))
        assert len(store.blobs.list_hashes()) == 3
