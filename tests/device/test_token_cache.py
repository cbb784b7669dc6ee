"""The token cache makes things quicker and nothing worse."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest

from device_runtime.backbone import Tokens
from device_runtime.bank import TokenBank
from device_runtime.cache import TokenCache

CLIP = "c1" * 32
FINGERPRINT = "f1" * 32


def some_tokens(windows: int = 3, seed: int = 0) -> Tokens:
    return np.random.default_rng(seed).standard_normal((windows, 5, 4)).astype(np.float16)


def test_what_was_put_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    TokenCache(tmp_path / "cache", FINGERPRINT, 32000).put(CLIP, some_tokens())
    again = TokenCache(tmp_path / "cache", FINGERPRINT, 32000).get(CLIP)
    assert again is not None
    assert np.array_equal(again, some_tokens())


def test_another_clip_bundle_or_window_is_a_miss(tmp_path: Path) -> None:
    TokenCache(tmp_path, FINGERPRINT, 32000).put(CLIP, some_tokens())
    assert TokenCache(tmp_path, FINGERPRINT, 32000).get("c2" * 32) is None
    assert TokenCache(tmp_path, "f2" * 32, 32000).get(CLIP) is None
    assert TokenCache(tmp_path, FINGERPRINT, 16000).get(CLIP) is None


def test_a_new_way_of_cutting_windows_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TokenCache(tmp_path, FINGERPRINT, 32000).put(CLIP, some_tokens())
    monkeypatch.setattr("edgecl.windows.WINDOWS_VERSION", 0)
    assert TokenCache(tmp_path, FINGERPRINT, 32000).get(CLIP) is None


def test_any_flipped_byte_and_any_cut_is_a_miss(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path, FINGERPRINT, 32000)
    cache.put(CLIP, some_tokens())
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for position in range(len(whole)):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert cache.get(CLIP) is None
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert cache.get(CLIP) is None


def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path, FINGERPRINT, 32000, quota_bytes=600)
    for age, clip in enumerate(("old", "older", "oldest")):
        cache.put(clip, some_tokens())
        os.utime(max(tmp_path.iterdir(), key=lambda f: f.stat().st_mtime_ns), (1000 - age, 1000 - age))
    assert cache.get("oldest") is not None  # used just now
    cache.trim()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 600
    assert cache.get("oldest") is not None
    assert cache.get("older") is None


def test_the_quota_holds_while_an_enrolment_goes_on(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path, FINGERPRINT, 32000, quota_bytes=1000)
    for number in range(20):
        cache.put(f"clip {number}", some_tokens())
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000
    assert cache.get("clip 19") is not None


def test_a_cache_that_cannot_be_written_only_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = TokenCache(tmp_path / "file" / "cache", FINGERPRINT, 32000)
    cache.put(CLIP, some_tokens())
    cache.trim()
    assert cache.get(CLIP) is None
    assert "not cached" in cache.trouble


@pytest.mark.parametrize("memory_bytes", [0, 200, 10**9])
def test_a_bank_gives_back_every_window_in_order_in_memory_or_on_disk(
    tmp_path: Path, memory_bytes: int
) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2))]
    with TokenBank(tmp_path / "cache", memory_bytes) as bank:
        for clip in clips:
            bank.append(clip)
        assert np.array_equal(bank.tokens(), np.concatenate(clips))


def test_a_bank_leaves_nothing_behind_and_needs_no_disk(tmp_path: Path) -> None:
    with TokenBank(tmp_path / "cache", 0) as bank:
        bank.append(some_tokens())
        assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with TokenBank(tmp_path / "file", 0) as bank:
        bank.append(some_tokens())
        assert np.array_equal(bank.tokens(), some_tokens())
        assert "kept in memory" in bank.trouble


@pytest.mark.parametrize("largest_file_bytes", [0, 100, 250])
def test_a_bank_whose_disk_fills_up_goes_on_in_memory_and_says_so(
    tmp_path: Path, largest_file_bytes: int
) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2, 3))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TokenBank(tmp_path, 0) as bank:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, before[1]))
        try:
            for clip in clips:
                bank.append(clip)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert np.array_equal(bank.tokens(), np.concatenate(clips))
        assert "kept in memory: File too large" in bank.trouble
