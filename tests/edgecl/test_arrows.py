"""The folders lean only to the left: edgecl ← device_runtime ← export ← tools."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ("edgecl", "device_runtime", "export", "tools")
HOST_ONLY = {"torch", "onnx", "onnxscript", "transformers", "sklearn"}


def imported(file: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_nothing_that_stands_to_its_right(folder: str):
    right = set(ORDER[ORDER.index(folder) + 1 :])
    for file in (ROOT / folder).rglob("*.py"):
        assert not imported(file) & right, file


@pytest.mark.parametrize("folder", ["edgecl", "device_runtime"])
def test_the_device_side_never_names_a_package_of_the_host(folder: str):
    for file in (ROOT / folder).rglob("*.py"):
        assert not imported(file) & HOST_ONLY, file


def test_one_file_of_the_device_side_draws():
    files = [file for folder in ("edgecl", "device_runtime") for file in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if "matplotlib" in imported(file)] == ["plot.py"]


def test_the_contracts_know_no_model_runtime():
    for file in (ROOT / "edgecl").rglob("*.py"):
        assert "onnxruntime" not in imported(file), file
