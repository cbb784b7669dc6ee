"""A bundle that onnxruntime refuses, or that takes all memory or time, is an error with a way out."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from device_runtime.model.selftest import require_agreement
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.workflows import bundle_check
from device_runtime.workflows.bundle_check import check_bundle
from edgecl.bundle.bundle import Bundle, write_manifest
from edgecl.errors import BundleError
from tests.altered_bundle import make_altered_bundle, read_description
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails
from tests.tiny_files import encode_field

INT64, FLOAT = 7, 1
GIANT = 2_000_000_000  # elements, 8 GB


def text(number: int, content: str) -> bytes:
    return encode_field(number, content.encode())


def node(operator: str, inputs: list[str], outputs: list[str]) -> bytes:
    names = b"".join([*(text(1, name) for name in inputs), *(text(2, name) for name in outputs)])
    return encode_field(1, names + text(4, operator))


def value(name: str) -> bytes:
    return text(1, name) + encode_field(2, encode_field(1, encode_field(1, FLOAT)))


def model(*nodes: bytes, outputs: tuple[str, ...] = ("tokens", "embedding"), opset: int = 18) -> bytes:
    """Encode a model with the input 'waveform' and an initializer 'giant': the shape [GIANT]."""
    shape = encode_field(1, 1) + encode_field(2, INT64) + text(8, "giant")
    shape += encode_field(9, np.array([GIANT], np.int64).tobytes())
    graph = b"".join(nodes) + text(2, "graph") + encode_field(5, shape) + encode_field(11, value("waveform"))
    graph += b"".join(encode_field(12, value(name)) for name in outputs)
    return encode_field(1, 8) + encode_field(7, graph) + encode_field(8, text(1, "") + encode_field(2, opset))


BOTH = (node("Relu", ["waveform"], ["tokens"]), node("Relu", ["waveform"], ["embedding"]))


def make_bundle(folder: Path, backbone: bytes) -> Path:
    """Copy the default bundle with another backbone.onnx."""
    shutil.copytree(DEFAULT_BUNDLE, folder, ignore=shutil.ignore_patterns("manifest.json"))
    (folder / "backbone.onnx").write_bytes(backbone)
    write_manifest(folder, read_description(DEFAULT_BUNDLE))
    return folder


@pytest.mark.parametrize(
    ("backbone", "reason"),
    [
        (model(*BOTH, opset=99), "cannot load 'backbone.onnx'"),
        (model(node("Nonsense", ["waveform"], ["tokens"]), BOTH[1]), "cannot load 'backbone.onnx'"),
        (model(node("Add", ["waveform", "tokens"], ["tokens"]), BOTH[1]), "cannot load 'backbone.onnx'"),
        (model(node("Relu", ["waveform"], ["other"]), outputs=("other",)), "Invalid output name"),
        (
            model(
                node("ConstantOfShape", ["giant"], ["zeros"]),
                node("Add", ["waveform", "zeros"], ["tokens"]),
                BOTH[1],
            ),
            "it needs more than 1... MB of memory",
        ),
        (model(*BOTH), "tokens differ by inf"),
    ],
    ids=["opset", "operator", "cycle", "output", "memory", "shape"],
)
def test_a_foreign_bundle_that_cannot_be_run_is_refused_with_a_way_out(
    tmp_path: Path, backbone: bytes, reason: str
) -> None:
    bundle = make_bundle(tmp_path / "bundle", backbone)
    with pytest.raises(BundleError, match=f"fails its self-test: .*{reason}") as error:
        require_agreement(Bundle.open(bundle), check_bundle(Bundle.open(bundle)))
    assert "onnxruntime" in error.value.hint


def test_doctor_and_commands_report_it(edgecl: Edgecl, home: Path, tmp_path: Path, recordings: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", model(*BOTH, opset=99))
    result = edgecl("enroll", "new", recordings / "kitchen", "--bundle", bundle)
    assert_fails(result, 1, "cannot load 'backbone.onnx'", "edgecl-export bundle")
    report = edgecl("doctor", "--bundle", bundle, "--json")
    (check,) = (check for check in report.json["checks"] if check["name"] == "self-test")
    assert (report.code, check["status"]) == (1, "fail")
    assert "cannot load 'backbone.onnx'" in check["detail"]


def test_a_foreign_bundle_that_takes_too_long_is_refused(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_check, "TIMEOUT_S", 0.01)
    foreign = Bundle.open(make_altered_bundle(bundle, tmp_path / "bundle", name="foreign"))
    with pytest.raises(BundleError, match=r"takes longer than 0.01 s"):
        check_bundle(foreign)


def test_an_intact_foreign_bundle_passes(bundle: Path, tmp_path: Path) -> None:
    foreign = Bundle.open(make_altered_bundle(bundle, tmp_path / "bundle", name="foreign"))
    found = check_bundle(foreign)
    assert [one.name for one in found] == ["tokens", "logits", "features"]
    assert all(one.agrees for one in found)
