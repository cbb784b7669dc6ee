"""A bundle opens completely verified or not at all: every defect, with real bytes."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgecl import canonical_json
from edgecl.bundle import manifest
from edgecl.bundle.bundle import Bundle, write_manifest
from edgecl.errors import BlobError, BundleError
from edgecl.store.blob import from_bytes, to_bytes
from tests.broken_files import nested_folders
from tests.tiny_files import (
    encode_field,
    encode_model,
    encode_node,
    make_tiny_blob,
    make_tiny_description,
    write_tiny_bundle,
)

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tiny_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


def sign_again(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the manifest and its digest, as a forger or a later version would."""
    document = json.loads((folder / "manifest.json").read_bytes())
    del document["digest"]
    change(document)
    digest = hashlib.sha256(canonical_json.dump(document)).hexdigest()
    (folder / "manifest.json").write_bytes(canonical_json.dump(document | {"digest": digest}))


def test_a_written_bundle_opens_with_the_same_content(folder: Path) -> None:
    bundle = Bundle.open(folder)
    assert (
        bundle.manifest.model_dump(exclude={"fingerprint", "files"}) == make_tiny_description().model_dump()
    )
    assert bundle.read("backbone.onnx") == (folder / "backbone.onnx").read_bytes()
    assert bundle.load_golden()["loss"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("version", "pooling", "fingerprint"),
    [
        (2, "mean", "9adbd93eb1ee71f4ae89bd08d49dc446d10975328c4fe9451d3ea8958b9ead96"),
        (3, "attention", "464344144c58ed9e12aaf5650696c5a2388f6b248cd4364307e6bf86265759a5"),
    ],
)
def test_a_bundle_of_the_present_format_and_the_one_before_still_opens_in_later_versions(
    version: int, pooling: str, fingerprint: str
) -> None:
    bundle = Bundle.open(GOLDEN / f"bundle_v{version}")
    assert (bundle.manifest.format_version, bundle.manifest.geometry.pooling) == (version, pooling)
    assert bundle.fingerprint == fingerprint
    assert bundle.manifest.adapter_size == 6


def test_a_bundle_of_format_version_1_is_refused_with_a_hint() -> None:
    with pytest.raises(BundleError, match=r"an earlier edgecl, before bundles named .* version 1") as refusal:
        Bundle.open(GOLDEN / "bundle_v1")
    assert "edgecl-export bundle" in refusal.value.hint


@pytest.mark.parametrize(("pooling", "features"), [("mean", 4), ("mean+deviation", 6), ("attention", 6)])
def test_the_head_is_as_wide_as_the_embedding(pooling: str, features: int) -> None:
    description = make_tiny_description()
    geometry = description.geometry.model_copy(update={"pooling": pooling})
    assert description.model_copy(update={"geometry": geometry}).head_features == features


def test_the_same_files_give_the_same_manifest_and_fingerprint(folder: Path, tmp_path: Path) -> None:
    again = write_tiny_bundle(tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()
    assert again.fingerprint == Bundle.open(folder).fingerprint


def test_the_fingerprint_covers_the_meaning_of_tokens_and_nothing_else(folder: Path) -> None:
    before = Bundle.open(folder).fingerprint
    (folder / "train_step.onnx").write_bytes(encode_model(encode_node("Other")))
    renamed = make_tiny_description().model_copy(update={"name": "another", "created": "2027-01-01"})
    assert write_manifest(folder, renamed).fingerprint == before
    (folder / "backbone.onnx").write_bytes(encode_model(encode_node("Other")))
    assert write_manifest(folder, make_tiny_description()).fingerprint != before


def test_any_changed_byte_of_the_manifest_is_refused(folder: Path) -> None:
    whole = (folder / "manifest.json").read_bytes()
    for at in range(len(whole)):
        with pytest.raises(BundleError):
            manifest.from_bytes(whole[:at] + bytes([whole[at] ^ (1 + at * 37 % 255)]) + whole[at + 1 :])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_flipped_missing_or_extra_bytes_is_refused(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    extended = whole + data.draw(st.binary(min_size=1, max_size=9))
    try:
        for damaged in (flipped, whole[:at], extended):
            path.write_bytes(damaged)
            with pytest.raises(BundleError):
                Bundle.open(folder)
    finally:
        path.write_bytes(whole)
    Bundle.open(folder)


def test_a_file_changed_after_opening_is_not_read(folder: Path) -> None:
    bundle = Bundle.open(folder)
    (folder / "adapter.onnx").write_bytes(encode_model(encode_node("Changed")))
    with pytest.raises(BundleError, match=r"'adapter\.onnx' of bundle .* was altered"):
        bundle.read("adapter.onnx")


@pytest.mark.parametrize("name", ["notes.txt", "deep/er/custom_op.so", "ort_training/checkpoint"])
def test_a_file_that_is_not_listed_is_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"hello")
    with pytest.raises(BundleError, match=f"does not list: '{name}'"):
        Bundle.open(folder)


def test_hidden_files_are_ignored(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"finder")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_bytes(b"ref")
    Bundle.open(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "adapter.onnx").unlink()
    with pytest.raises(BundleError, match=r"lacks the file 'adapter\.onnx'"):
        Bundle.open(folder)


def test_a_bundle_without_the_files_of_its_engines_is_not_written(folder: Path) -> None:
    both = make_tiny_description().model_copy(update={"engines": ("portable", "ort-training")})
    with pytest.raises(BundleError, match="which engine 'ort-training' needs"):
        write_manifest(folder, both)
    (folder / "golden.safetensors").unlink()
    with pytest.raises(BundleError, match=r"no 'golden\.safetensors', which every bundle needs"):
        write_manifest(folder, make_tiny_description())


def test_a_missing_folder_and_a_missing_manifest_have_different_messages(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a folder"):
        Bundle.open(tmp_path / "absent")
    with pytest.raises(BundleError, match=r"'manifest\.json' .* is missing"):
        Bundle.open(tmp_path)


def test_a_link_may_point_inside_the_bundle_but_not_outside(folder: Path, tmp_path: Path) -> None:
    inside = shutil.move(folder / "adapter.onnx", folder / ".adapter")
    (folder / "adapter.onnx").symlink_to(inside)
    Bundle.open(folder)
    shutil.move(inside, tmp_path / "outside")
    (folder / "adapter.onnx").unlink()
    (folder / "adapter.onnx").symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="a link that leads outside"):
        Bundle.open(folder)


def test_links_to_folders_loops_and_pipes_are_refused(folder: Path) -> None:
    (folder / "again").symlink_to(folder)
    with pytest.raises(BundleError, match="does not list: 'again'"):
        Bundle.open(folder)
    (folder / "again").unlink()
    for make in (lambda path: path.symlink_to(path), os.mkfifo):
        (folder / "adapter.onnx").unlink()
        make(folder / "adapter.onnx")
        with pytest.raises(BundleError, match="missing or not a regular file"):
            Bundle.open(folder)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "a/../../b", "./x", "a//b", "a\\b", ".hidden", ""]
)
def test_a_listed_file_name_outside_the_folder_is_refused(folder: Path, name: str) -> None:
    sign_again(folder, lambda document: document["files"].update({name: document["files"]["adapter.onnx"]}))
    with pytest.raises(BundleError, match="manifest is not valid: files"):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(format_version=4), "has format version 4, this edgecl reads versions 2 and 3"),
        (lambda d: d.update(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda d: d.pop("licence"), "licence: Field required"),
        (lambda d: d.update(max_classes="64"), "max_classes: Input should be a valid integer"),
        (lambda d: d.update(variant="fp8"), "variant: Input should be 'fp32', 'fp16' or 'int8'"),
        (lambda d: d["geometry"].update(width=0), "geometry.width: Input should be greater"),
        (lambda d: d["geometry"].pop("pooling"), "geometry.pooling: Field required"),
        (lambda d: d["adapter"].update(placement="middle"), "adapter.placement"),
        (lambda d: d["files"]["adapter.onnx"].update(size_bytes=1 << 40), "size_bytes: Input should be less"),
        (lambda d: d.update(fingerprint="ab" * 32), "has a fingerprint that does not match its content"),
        (
            lambda d: d["geometry"].update(pooling="mean+deviation"),
            "has a fingerprint that does not match its content",
        ),
        (lambda d: d["front_end"].update(low_hz=30.0), "has a fingerprint that does not match its content"),
    ],
)
def test_a_manifest_with_a_correct_digest_must_still_be_valid(
    folder: Path, change: Callable[[dict], object], sentence: str
) -> None:
    sign_again(folder, change)
    with pytest.raises(BundleError, match=sentence):
        Bundle.open(folder)


@pytest.mark.parametrize(
    "content", [b"", b"null\n", b"[]\n", b"{}\n", b"[" * 100_000, b"1" * 5000, b"\xff" * 9]
)
def test_a_malformed_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match="manifest was altered or cut short"):
        Bundle.open(folder)


def test_a_file_larger_than_listed_is_refused_before_it_is_read(folder: Path) -> None:
    with (folder / "backbone.onnx").open("ab") as file:
        file.truncate(1 << 36)  # sparse: 64 GiB that take no space
    with pytest.raises(BundleError, match="is larger than"):
        Bundle.open(folder)


def test_a_listed_graph_with_operators_of_an_unknown_domain_is_refused(folder: Path) -> None:
    (folder / "adapter.onnx").write_bytes(encode_model(encode_node("Run", "evil.ops")))
    write_manifest(folder, make_tiny_description())
    with pytest.raises(BundleError, match=r"'adapter\.onnx' uses the operator 'Run' of 'evil\.ops'"):
        Bundle.open(folder)


def test_weights_in_another_file_are_refused(folder: Path) -> None:
    tensor = encode_field(
        13, encode_field(1, b"location") + encode_field(2, b"../../etc/passwd")
    ) + encode_field(14, 1)
    (folder / "backbone.onnx").write_bytes(encode_model(encode_node() + encode_field(5, tensor)))
    write_manifest(folder, make_tiny_description())
    with pytest.raises(BundleError, match="keeps weights in another file"):
        Bundle.open(folder)


def test_golden_vectors_that_are_no_safetensors_are_refused(folder: Path) -> None:
    (folder / "golden.safetensors").write_bytes(b"not tensors")
    write_manifest(folder, make_tiny_description())
    with pytest.raises(BundleError, match=r"golden vectors .* cannot be read"):
        Bundle.open(folder).load_golden()


def test_the_number_of_classes_must_be_whole(folder: Path) -> None:
    opened = Bundle.open(folder).manifest
    assert opened.count_classes(6 + 3 * 5) == 3
    for wrong in (0, 6, 7, 6 + 3 * 5 - 1):
        with pytest.raises(BlobError, match="fits no whole number of classes"):
            opened.count_classes(wrong)


def test_a_blob_fits_only_the_bundle_it_was_made_with(folder: Path) -> None:
    opened = Bundle.open(folder).manifest
    ours = to_bytes(make_tiny_blob(fingerprint=opened.fingerprint))
    assert from_bytes(ours, manifest=opened).labels == ("ring", "knock")
    with pytest.raises(BlobError) as refusal:
        from_bytes(to_bytes(make_tiny_blob(fingerprint="c0ffee99" * 8)), manifest=opened)
    assert "c0ffee99" in refusal.value.message
    assert opened.fingerprint[:8] in refusal.value.message
    assert refusal.value.hint.startswith("run 'edgecl enroll --again'")


@pytest.mark.parametrize(
    "change", [{"placement": "all"}, {"window_samples": 801}, {"labels": ("a", "b", "c"), "value": 2.0}]
)
def test_a_blob_with_the_fingerprint_of_a_bundle_must_have_its_layout(folder: Path, change: dict) -> None:
    opened = Bundle.open(folder).manifest
    blob = make_tiny_blob(fingerprint=opened.fingerprint, **change)
    if len(blob.labels) == 3:
        blob = type(blob)(blob.record, blob.parameters[:-1], blob.normalizer, blob.keys)
    with pytest.raises(BlobError):
        from_bytes(to_bytes(blob), manifest=opened)


def test_a_bundle_with_thousands_of_folders_inside_each_other_is_refused(folder: Path) -> None:
    with nested_folders(folder), pytest.raises(BundleError, match="holds a file its manifest does not list"):
        Bundle.open(folder)
