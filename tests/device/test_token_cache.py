"""The token cache makes things quicker and nothing worse."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.coreset import MIN_CLIPS, herd, select_evictions
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from edgecl.arrays import Tokens

CLIP = "c1" * 32
FINGERPRINT = "f1" * 32


def opened(folder: Path, quota_bytes: int = 1 << 30) -> TokenCache:
    return TokenCache(folder, FINGERPRINT, 32000, quota_bytes)


def some_tokens(windows: int = 3, seed: int = 0) -> Tokens:
    return np.random.default_rng(seed).standard_normal((windows, 5, 4)).astype(np.float16)


def test_what_was_put_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    opened(tmp_path / "cache").put(CLIP, some_tokens())
    again = opened(tmp_path / "cache").get(CLIP)
    assert again is not None
    assert np.array_equal(again, some_tokens())


def test_another_clip_bundle_or_window_is_a_miss(tmp_path: Path) -> None:
    opened(tmp_path).put(CLIP, some_tokens())
    assert opened(tmp_path).get("c2" * 32) is None
    assert TokenCache(tmp_path, "f2" * 32, 32000, 1 << 30).get(CLIP) is None
    assert TokenCache(tmp_path, FINGERPRINT, 16000, 1 << 30).get(CLIP) is None


def test_a_new_way_of_cutting_windows_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path).put(CLIP, some_tokens())
    monkeypatch.setattr("edgecl.windows.WINDOWS_VERSION", 0)
    assert opened(tmp_path).get(CLIP) is None


def test_any_flipped_byte_and_any_cut_is_a_miss(tmp_path: Path) -> None:
    cache = opened(tmp_path)
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


def test_what_no_task_needs_and_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    one_bytes = len(some_tokens().tobytes()) + 160
    cache = opened(tmp_path, 5 * one_bytes)
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


def test_a_limit_that_was_lowered_is_kept_from_then_on(tmp_path: Path) -> None:
    for number in range(10):
        opened(tmp_path).put(f"clip {number}", some_tokens())
    opened(tmp_path, 1000).put("last", some_tokens())
    assert size_of(tmp_path) <= 1000
    assert opened(tmp_path).has("last")


def test_a_class_that_has_many_gives_up_those_that_are_like_others_and_never_the_last_eight(
    tmp_path: Path,
) -> None:
    large = {f"large {number}" for number in range(20)}
    small = {f"small {number}" for number in range(MIN_CLIPS)}
    cache = opened(tmp_path)
    for seed, clip in enumerate(sorted(large | small)):
        cache.put(clip, some_tokens(seed=seed))
    tight = opened(tmp_path, size_of(tmp_path) * 20 // 28)
    tight.protect([large, small])
    tight.put("one more", some_tokens())
    assert all(cache.has(clip) for clip in small)
    assert MIN_CLIPS <= sum(cache.has(clip) for clip in large) < 14
    assert cache.has("one more")
    assert tight.warning == ""


def test_where_nothing_can_be_given_up_a_new_clip_is_not_remembered_and_that_is_told(tmp_path: Path) -> None:
    few = {f"clip {number}" for number in range(MIN_CLIPS)}
    cache = opened(tmp_path)
    for clip in few:
        cache.put(clip, some_tokens())
    full = opened(tmp_path, size_of(tmp_path))
    full.protect([few])
    full.put("one more", some_tokens())
    assert not full.has("one more")
    assert all(full.has(clip) for clip in few)
    assert "not every recording was cached: the cache is limited to" in full.warning


def test_the_first_recordings_of_a_herd_have_the_mean_of_all(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)
    chosen = herd(vectors)
    assert sorted(chosen) == list(range(200))
    distance = np.linalg.norm(vectors[chosen[:20]].mean(axis=0) - vectors.mean(axis=0))
    by_chance = np.linalg.norm(vectors[:20].mean(axis=0) - vectors.mean(axis=0))
    assert distance < 0.2 * by_chance


def test_recordings_that_two_classes_share_count_for_both(tmp_path: Path) -> None:
    vectors = {f"{n}": np.eye(12, dtype=np.float32)[n] for n in range(12)}
    first, second = {f"{n}" for n in range(8)}, {f"{n}" for n in range(4, 12)}
    given = list(select_evictions([first, second], vectors, minimum=6))
    assert len(given) == len(set(given))
    for names in (first, second):
        assert len(names - set(given)) >= 6


def test_the_quota_holds_while_an_enrolment_goes_on(tmp_path: Path) -> None:
    cache = opened(tmp_path, 1000)
    for number in range(20):
        cache.put(f"clip {number}", some_tokens())
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000
    assert cache.get("clip 19") is not None


def test_a_cache_that_cannot_be_written_only_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = opened(tmp_path / "file" / "cache")
    cache.put(CLIP, some_tokens())
    assert cache.get(CLIP) is None
    assert "not every recording was cached" in cache.warning


@pytest.mark.parametrize("memory_bytes", [0, 200, 10**9])
def test_a_bank_gives_back_every_window_in_order_in_memory_or_on_disk(
    tmp_path: Path, memory_bytes: int
) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2))]
    with TokenBuffer(tmp_path / "cache", memory_bytes) as bank:
        for clip in clips:
            bank.append(clip)
        assert np.array_equal(bank.read(), np.concatenate(clips))


def test_a_bank_leaves_nothing_behind_and_needs_no_disk(tmp_path: Path) -> None:
    with TokenBuffer(tmp_path / "cache", 0) as bank:
        bank.append(some_tokens())
        assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with TokenBuffer(tmp_path / "file", 0) as bank:
        bank.append(some_tokens())
        assert np.array_equal(bank.read(), some_tokens())
        assert "kept in memory" in bank.warning


@pytest.mark.parametrize("largest_file_bytes", [0, 100, 250])
def test_a_bank_whose_disk_fills_up_goes_on_in_memory_and_says_so(
    tmp_path: Path, largest_file_bytes: int
) -> None:
    clips = [some_tokens(windows, seed) for seed, windows in enumerate((1, 4, 2, 3))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TokenBuffer(tmp_path, 0) as bank:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, before[1]))
        try:
            for clip in clips:
                bank.append(clip)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert np.array_equal(bank.read(), np.concatenate(clips))
        assert "kept in memory: File too large" in bank.warning
