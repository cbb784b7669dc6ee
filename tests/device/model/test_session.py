"""Importing onnxruntime and opening its sessions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_runtime.model.session import list_onnxruntime_distributions, open_session
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE


def test_onnxruntime_is_imported_without_torch_and_onnx() -> None:
    code = (
        "import sys; from device_runtime.model.session import import_onnxruntime;"
        "import_onnxruntime();"
        "print('onnxruntime' in sys.modules, sorted({'torch', 'onnx'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split(maxsplit=1) == ["True", "[]\n"]


def test_two_distributions_of_onnxruntime_are_both_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed,) = list_onnxruntime_distributions()

    record = tmp_path / "onnxruntime_second-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-second\nVersion: 1.0\n")
    (record / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    (record / "top_level.txt").write_text("onnxruntime\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert list_onnxruntime_distributions() == sorted([installed, "onnxruntime-second"])


def test_threads_do_not_wait_in_busy_loops() -> None:
    backbone = (DEFAULT_BUNDLE / "backbone.onnx").read_bytes()
    options = open_session(backbone, threads=2).get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize(("chosen", "expected"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_numpy_has_one_thread_unless_the_user_chooses(chosen: dict[str, str], expected: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [
        sys.executable,
        "-c",
        "import edgecl, os; edgecl.Device; print(os.environ['OPENBLAS_NUM_THREADS'])",
    ]
    printed = subprocess.run(
        command, env=inherited | chosen, check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == expected
