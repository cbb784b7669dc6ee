"""The token buffer, in memory and on disk."""

import resource
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.token_buffer import TokenBuffer
from edgecl.arrays import Tokens


def some_tokens(windows: int = 3, seed: int = 0) -> Tokens:
    return np.random.default_rng(seed).standard_normal((windows, 5, 4)).astype(np.float16)


@pytest.mark.parametrize("memory_bytes", [0, 200, 10**9])
def test_every_window_is_read_in_order_from_memory_or_disk(tmp_path: Path, memory_bytes: int) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2))]
    with TokenBuffer(tmp_path / "cache", memory_bytes) as buffer:
        for clip in clips:
            buffer.append(clip)
        assert np.array_equal(buffer.read(), np.concatenate(clips))


def test_a_buffer_leaves_no_file_and_needs_no_disk(tmp_path: Path) -> None:
    with TokenBuffer(tmp_path / "cache", 0) as buffer:
        buffer.append(some_tokens())
        assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with TokenBuffer(tmp_path / "file", 0) as buffer:
        buffer.append(some_tokens())
        assert np.array_equal(buffer.read(), some_tokens())
        assert "kept in memory" in buffer.warning


@pytest.mark.parametrize("largest_file_bytes", [0, 100, 250])
def test_a_buffer_whose_disk_fills_up_continues_in_memory_and_warns(
    tmp_path: Path, largest_file_bytes: int
) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2, 3))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TokenBuffer(tmp_path, 0) as buffer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, before[1]))
        try:
            for clip in clips:
                buffer.append(clip)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert np.array_equal(buffer.read(), np.concatenate(clips))
        assert "kept in memory: File too large" in buffer.warning
