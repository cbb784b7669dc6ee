"""Lines of JSON, and where systemd would keep them."""

import io
import os
from pathlib import Path

from device_runtime.daemon.sinks.jsonl import is_journal


def test_the_journal_is_known_by_the_stream_it_gave(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:1"})
        assert not is_journal(stream, {})
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})
