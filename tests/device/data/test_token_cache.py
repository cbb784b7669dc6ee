"""The token cache: hits, misses, eviction, and failures that no command notices."""

import os
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.coreset import MIN_CLIPS
from device_runtime.data.token_cache import TokenCache
from edgecl.arrays import Tokens

CLIP = "c1" * 32
FINGERPRINT = "f1" * 32


def open_cache(folder: Path, quota_bytes: int = 1 << 30) -> TokenCache:
    return TokenCache(folder, FINGERPRINT, 32000, quota_bytes)


def some_tokens(windows: int = 3, seed: int = 0) -> Tokens:
    return np.random.default_rng(seed).standard_normal((windows, 5, 4)).astype(np.float16)


def test_stored_tokens_are_found_after_a_restart(tmp_path: Path) -> None:
    open_cache(tmp_path / "cache").put(CLIP, some_tokens())
    again = open_cache(tmp_path / "cache").get(CLIP)
    assert again is not None
    assert np.array_equal(again, some_tokens())


def test_another_clip_bundle_or_window_is_a_miss(tmp_path: Path) -> None:
    open_cache(tmp_path).put(CLIP, some_tokens())
    assert open_cache(tmp_path).get("c2" * 32) is None
    assert TokenCache(tmp_path, "f2" * 32, 32000, 1 << 30).get(CLIP) is None
    assert TokenCache(tmp_path, FINGERPRINT, 16000, 1 << 30).get(CLIP) is None


def test_another_version_of_window_cutting_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_cache(tmp_path).put(CLIP, some_tokens())
    monkeypatch.setattr("edgecl.store.token_files.WINDOWS_VERSION", 0)
    assert open_cache(tmp_path).get(CLIP) is None


def test_any_flipped_byte_and_any_cut_is_a_miss(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(CLIP, some_tokens())
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for position in range(len(whole)):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert cache.get(CLIP) is None
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert cache.get(CLIP) is None


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_unprotected_recordings_are_evicted_least_recently_used_first(tmp_path: Path) -> None:
    one_bytes = len(some_tokens().tobytes()) + 160
    cache = open_cache(tmp_path, 5 * one_bytes)
    for age, clip in enumerate(("needed", "oldest", "older", "old")):
        cache.put(clip, some_tokens())
        os.utime(max(tmp_path.iterdir(), key=lambda f: f.stat().st_mtime_ns), (age + 1, age + 1))
    cache.protect([{"needed"}])
    assert cache.get("oldest") is not None  # used just now
    cache.put("new", some_tokens())
    cache.put("newer", some_tokens())
    assert [clip for clip in ("needed", "oldest", "older", "old", "new", "newer") if cache.has(clip)] == [
        "needed",
        "oldest",
        "new",
        "newer",
    ]


def test_a_lowered_limit_is_enforced(tmp_path: Path) -> None:
    for number in range(10):
        open_cache(tmp_path).put(f"clip {number}", some_tokens())
    open_cache(tmp_path, 1000).put("last", some_tokens())
    assert size_of(tmp_path) <= 1000
    assert open_cache(tmp_path).has("last")


def test_the_largest_class_is_evicted_first_and_never_its_last_eight(
    tmp_path: Path,
) -> None:
    large = {f"large {number}" for number in range(20)}
    small = {f"small {number}" for number in range(MIN_CLIPS)}
    cache = open_cache(tmp_path)
    for seed, clip in enumerate(sorted(large | small)):
        cache.put(clip, some_tokens(seed=seed))
    tight = open_cache(tmp_path, size_of(tmp_path) * 20 // 28)
    tight.protect([large, small])
    tight.put("one more", some_tokens())
    assert all(cache.has(clip) for clip in small)
    assert MIN_CLIPS <= sum(cache.has(clip) for clip in large) < 14
    assert cache.has("one more")
    assert tight.warning == ""


def test_where_nothing_can_be_evicted_a_new_clip_is_not_cached_and_a_warning_says_so(tmp_path: Path) -> None:
    few = {f"clip {number}" for number in range(MIN_CLIPS)}
    cache = open_cache(tmp_path)
    for clip in few:
        cache.put(clip, some_tokens())
    full = open_cache(tmp_path, size_of(tmp_path))
    full.protect([few])
    full.put("one more", some_tokens())
    assert not full.has("one more")
    assert all(full.has(clip) for clip in few)
    assert "not every recording was cached: the cache is limited to" in full.warning


def test_what_a_killed_enrolment_left_half_written_is_deleted_by_the_next(tmp_path: Path) -> None:
    old, young = (tmp_path / f".{name}.tokens.4711" for name in ("old", "young"))
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    open_cache(tmp_path).put(CLIP, some_tokens())
    assert (old.exists(), young.exists()) == (False, True)


def test_the_quota_holds_while_clips_are_added(tmp_path: Path) -> None:
    cache = open_cache(tmp_path, 1000)
    for number in range(20):
        cache.put(f"clip {number}", some_tokens())
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000
    assert cache.get("clip 19") is not None


def test_a_cache_that_cannot_be_written_only_warns(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = open_cache(tmp_path / "file" / "cache")
    cache.put(CLIP, some_tokens())
    assert cache.get(CLIP) is None
    assert "not every recording was cached" in cache.warning
