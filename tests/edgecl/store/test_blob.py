"""A task blob is read exactly as it was written, or it is refused."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from edgecl.errors import BlobError
from edgecl.store.blob import from_bytes, to_bytes
from edgecl.store.blob_record import MAX_BLOB_BYTES, RECORD_KEY
from tests.tiny_files import make_tiny_blob, make_tiny_blob_bytes

GOLDEN = Path(__file__).parents[2] / "golden"
WHOLE = make_tiny_blob_bytes()
IMPOSSIBLE_TIMES = (
    *("2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2023-02-29T00:00:00Z"),
    *("0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:60Z", "2026-01-01T23:59:59"),
    *("2026-01-01T23:59:59+01:00", "2026-01-01T23:59:59Z\n", "2026-01-01 23:59:59Z", "2026-1-1T0:0:0Z"),
    *("٢٠٢٦-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z", "2026-W01-1T00:00:00Z"),
)
HIDDEN = ("\x00", "\x1b", "\n", "\x7f", "\x9b", "\u2028", "\u200f", "\u202e", "\u2067")


def change_header(change: dict[str, object], data: bytes = WHOLE) -> bytes:
    """Replace some entries of the header and correct its length."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]) | change).encode()
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def change_record(**change: object) -> bytes:
    """Replace some fields of the record without correcting the digest."""
    size = int.from_bytes(WHOLE[:8], "little")
    record = json.loads(json.loads(WHOLE[8 : 8 + size])["__metadata__"][RECORD_KEY]) | change
    text = json.dumps(record, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return change_header({"__metadata__": {RECORD_KEY: text}})


def test_a_blob_is_read_as_it_was_written() -> None:
    blob, again = make_tiny_blob(), from_bytes(WHOLE)
    assert again.record == blob.record
    for name in ("parameters", "normalizer", "keys"):
        np.testing.assert_array_equal(getattr(again, name), getattr(blob, name))
        assert getattr(again, name).dtype == np.float32


def test_the_bytes_of_a_blob_stay_the_same_in_later_versions() -> None:
    data = (GOLDEN / "blob_v3.safetensors").read_bytes()
    assert (
        hashlib.sha256(data).hexdigest() == "4993398240443d4f91640bd11bf1fe24c48a08cd3da0ee350b6df32073f90ddb"
    )
    assert from_bytes(data).task == "Türklingel"
    assert make_tiny_blob_bytes("Türklingel") == data


def test_a_blob_of_version_2_is_read_and_written_as_it_was() -> None:
    data = (GOLDEN / "blob_v2.safetensors").read_bytes()
    assert (
        hashlib.sha256(data).hexdigest() == "12b07759a08172de87c6f0e787d56e234f08f4ba2f1b5d14b67da4e0d855b847"
    )
    old = from_bytes(data)
    assert to_bytes(old) == data
    assert np.array_equal(old.parameters, from_bytes(WHOLE).parameters)


def test_head_and_keys_are_rounded_to_half_precision_and_the_rest_is_not() -> None:
    values = np.float32(1) + np.arange(16, dtype=np.float32) / 10_000
    blob = make_tiny_blob()
    blob = replace(
        blob, parameters=values, keys=values[:10].reshape(2, 5), normalizer=values[:8].reshape(2, 4)
    )
    again = from_bytes(to_bytes(blob))
    assert np.array_equal(again.normalizer, blob.normalizer)
    assert np.array_equal(again.parameters[:6], values[:6])
    for rounded, exact in (
        (again.keys, blob.keys),
        (again.parameters[6:].reshape(2, 5), values[6:].reshape(2, 5)),
    ):
        assert np.array_equal(rounded[:, -1], exact[:, -1])
        assert np.array_equal(rounded[:, :-1], exact[:, :-1].astype(np.float16))
    assert to_bytes(again) == to_bytes(blob)


def test_a_weight_beyond_half_precision_is_refused_when_it_is_written() -> None:
    with pytest.raises(BlobError, match="not finite in 'keys'"):
        to_bytes(replace(make_tiny_blob(), keys=np.full((2, 5), 1e5, np.float32)))


def test_any_safetensors_reader_opens_a_blob() -> None:
    tensors = load(WHOLE)
    assert {name: array.shape for name, array in tensors.items()} == {
        "adapter": (6,),
        "biases": (4,),
        "head": (2, 4),
        "keys": (2, 4),
        "normalizer": (2, 4),
    }


def test_any_changed_byte_is_refused_even_without_a_known_hash() -> None:
    for at in range(len(WHOLE)):
        flipped = WHOLE[:at] + bytes([WHOLE[at] ^ (1 + at * 37 % 255)]) + WHOLE[at + 1 :]
        with pytest.raises(BlobError):
            from_bytes(flipped)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_blob_with_flipped_missing_or_extra_bytes_is_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    flipped = WHOLE[:at] + bytes([WHOLE[at] ^ data.draw(st.integers(1, 255))]) + WHOLE[at + 1 :]
    for damaged in (flipped, WHOLE[:at], WHOLE + data.draw(st.binary(min_size=1, max_size=9))):
        with pytest.raises(BlobError):
            from_bytes(damaged)
        with pytest.raises(BlobError, match="altered or cut short"):
            from_bytes(damaged, expected_sha256=hashlib.sha256(WHOLE).hexdigest())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BlobError):
        from_bytes(data)


def test_a_header_bomb_is_refused_before_it_is_read() -> None:
    for size in (1 << 63, 100_000_000, len(WHOLE)):
        with pytest.raises(BlobError, match="its header does not fit"):
            from_bytes(size.to_bytes(8, "little") + WHOLE[8:])
    nested = b"[" * 1_000_000
    with pytest.raises(BlobError, match="header is no JSON"):
        from_bytes(len(nested).to_bytes(8, "little") + nested)


def test_a_tensor_larger_than_the_file_is_refused() -> None:
    huge = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    with pytest.raises(BlobError, match="cannot be read"):
        from_bytes(change_header({"adapter": huge}))


def test_a_blob_over_the_size_limit_is_refused_without_parsing() -> None:
    with pytest.raises(BlobError, match="too large"):
        from_bytes(bytes(MAX_BLOB_BYTES + 1))


def test_another_safetensors_file_is_refused_with_its_own_message() -> None:
    with pytest.raises(BlobError, match="is not a task blob"):
        from_bytes(save({"weight": np.ones(3, np.float32)}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format_version": 4}, "has format version 4, this edgecl reads versions 2 and 3"),
        ({"format_version": 1}, "has format version 1, this edgecl reads versions 2 and 3"),
        ({"task": "../escape"}, "task: .*not allowed|task: .*begins with"),
        ({"labels": []}, "labels: Tuple should have at least 1 item"),
        ({"labels": ["a", "a"]}, "two labels are the same"),
        ({"labels": ["_negative"]}, "no label is a sound"),
        ({"threshold": "1"}, "threshold: Input should be a valid number"),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"fingerprint": "short"}, "fingerprint: String should match"),
        ({"created": "yesterday"}, "created: should be a time such as"),
        *(({"created": created}, "created: ") for created in IMPOSSIBLE_TIMES),
        ({"labels": ["a" * 900_000]}, "labels.0: a label has 1 to 255 characters, not 900000"),
        ({"labels": ["a" * 256]}, "not 256"),
        ({"labels": [""]}, "not 0"),
        ({"labels": [f"{number}" for number in range(1001)]}, "at most 1000 items"),
        *(({"labels": ["bell", f"a{hidden}b"]}, "labels.1: the character U") for hidden in HIDDEN),
        *(({field: "a\x1b[31m"}, f"{field}: the character U") for field in ("licence", "placement")),
        ({"licence": "a" * 5000}, "licence: String should have at most 4096"),
        ({"training": {"why": "a\u202eb"}}, "the character U[+]202E"),
        ({"training": {"k" * 900_000: 1}}, "training.k{64}.*at most 64 characters"),
        ({"training": {str(number): 1 for number in range(101)}}, "training: Dictionary .*at most 100"),
        ({"threshold": 11.0}, "threshold: Input should be less than"),
        ({"threshold": -1e30}, "threshold: Input should be greater than"),
        ({"threshold": 2.5}, "was altered"),
        ({"digest": "0" * 64}, "was altered"),
    ],
)
def test_a_record_must_be_valid_and_unaltered(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BlobError, match=sentence):
        from_bytes(change_record(**change))


@pytest.mark.parametrize("name", ["parameters", "normalizer", "keys"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_neither_written_nor_read(name: str, value: float) -> None:
    blob = make_tiny_blob()
    array = getattr(blob, name).copy()
    array.flat[-1] = value
    with pytest.raises(BlobError, match=f"not finite in '{name}'"):
        to_bytes(replace(blob, **{name: array}))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("parameters", np.ones(9, np.float32)),
        ("parameters", np.ones((4, 4), np.float32)),
        ("parameters", np.ones(16, np.float64)),
        ("normalizer", np.ones((3, 4), np.float32)),
        ("normalizer", np.ones((2, 0), np.float32)),
        ("normalizer", np.float32(1.0).reshape(())),
        ("keys", np.ones((3, 5), np.float32)),
        ("keys", np.ones((2, 4), np.float32)),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name: str, array: np.ndarray) -> None:
    with pytest.raises(BlobError, match="arrays that do not fit together"):
        to_bytes(replace(make_tiny_blob(), **{name: array}))


def test_tensors_of_another_type_in_the_file_are_refused() -> None:
    whole = {"dtype": "I32", "shape": [2, 4], "data_offsets": [40, 72]}
    with pytest.raises(BlobError, match="arrays that do not fit together"):
        from_bytes(change_header({"normalizer": whole}))


def test_tensors_that_do_not_fit_together_in_the_file_are_refused() -> None:
    long = {"dtype": "F16", "shape": [4, 2], "data_offsets": [72, 88]}
    with pytest.raises(BlobError, match="other tensors than it should"):
        from_bytes(change_header({"head": long}))


@pytest.mark.parametrize(
    "label", ["Türklingel", "ドアベル", "👨\u200d👩\u200d👧", "می\u200cخواهم", "a" * 255, " ", "\\"]
)
def test_labels_of_any_script_are_valid(label: str) -> None:
    data = make_tiny_blob_bytes(labels=(label, "other"))
    assert from_bytes(data).labels == (label, "other")


@pytest.mark.parametrize(
    "created", ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999999+00:00", "2999-12-31T23:59:59+00:00"]
)
def test_times_that_exist_are_valid(created: str) -> None:
    assert from_bytes(make_tiny_blob_bytes(created=created)).record.created == created
