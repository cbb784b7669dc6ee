"""The package `edgecl` itself: what it offers, and that importing it costs nothing."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import edgecl
from tests.deadlines import SOON_S


def run_python(*arguments: str) -> str:
    """Return what a fresh interpreter prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SOON_S, check=True).stdout


def test_importing_edgecl_loads_none_of_its_dependencies() -> None:
    script = "import sys, edgecl; edgecl.__version__; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(run_python("-c", script).split())
    assert "edgecl" in loaded
    assert not loaded & {"numpy", "onnxruntime", "pydantic", "safetensors", "soundfile", "device_runtime"}


def test_device_is_the_class_of_the_python_api() -> None:
    assert edgecl.Device is import_module("device_runtime.api").Device
    assert set(edgecl.__all__) == {"Device", "EdgeclError", "__version__"}


def test_the_version_is_that_of_the_distribution() -> None:
    assert edgecl.__version__[0].isdigit()


def test_a_tree_that_was_never_installed_has_an_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [path for path in sys.path if not list(Path(path or ".").glob("edgecl*-info"))]
    monkeypatch.setattr("sys.path", elsewhere)
    assert edgecl.__version__ == "0+unknown"


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'edgecl' has no attribute 'device'"):
        _ = edgecl.device


def test_python_m_edgecl_is_the_command() -> None:
    assert "edgecl" in run_python("-m", "edgecl", "--help")
