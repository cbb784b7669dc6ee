"""Every package and room imports only what stands to its left.

Packages: edgecl ← device_runtime ← export ← tools. Rooms of device_runtime: model ← data ← training ←
recognition ← consolidation ← workflows ← api ← cli, daemon; every room may use system, which uses none.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edgecl", "device_runtime", "export", "tools")
ALLOWED_UPWARDS = {
    "edgecl/__init__.py": "device_runtime.api",  # edgecl.Device, resolved on first use
    "edgecl/__main__.py": "device_runtime.cli",  # python -m edgecl
}
HOST_ONLY = {"torch", "onnx", "onnxscript", "transformers", "sklearn"}

ROOMS = ("model", "data", "training", "recognition", "consolidation", "workflows", "api", "cli", "daemon")
LEAF = "system"
ENTRY_POINTS = ("__init__", "__main__")
MAY_USE_DAEMON = {
    "device_runtime/cli/serve.py",
    "device_runtime/cli/listen.py",
    "device_runtime/cli/meter.py",  # the display of listen
    "device_runtime/cli/record.py",
    "device_runtime/cli/source_options.py",  # opens the source that listen and record name
    "device_runtime/cli/correct.py",  # finds the clip of an event in the history
}


def find_imports(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of every import in a file, `import_module("name")` included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in PACKAGES  # from device_runtime import cli
            names = [f"{node.module}.{alias.name}" for alias in node.names] if whole else [node.module]
            yield from ((node.lineno, name) for name in names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            (name, *_) = node.args
            yield node.lineno, name.value if isinstance(name, ast.Constant) else ast.unparse(name)


def find_imported_packages(file: Path) -> set[str]:
    return {name.split(".")[0] for _, name in find_imports(file)}


def list_python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_nothing_that_stands_to_its_right(package: str) -> None:
    right = set(PACKAGES[PACKAGES.index(package) + 1 :])
    upwards = {
        (str(file.relative_to(ROOT)), ".".join(name.split(".")[:2]))
        for file in list_python_files(package)
        for _, name in find_imports(file)
        if name.split(".")[0] in right
    }
    assert upwards == (set(ALLOWED_UPWARDS.items()) if package == "edgecl" else set())


def test_the_device_side_imports_no_package_of_the_host() -> None:
    for file in list_python_files("edgecl", "device_runtime"):
        assert not find_imported_packages(file) & HOST_ONLY, file


def test_only_one_file_of_the_device_side_plots() -> None:
    files = list_python_files("edgecl", "device_runtime")
    assert [file.name for file in files if "matplotlib" in find_imported_packages(file)] == ["plot.py"]


def test_edgecl_does_not_import_a_model_runtime() -> None:
    for file in list_python_files("edgecl"):
        assert "onnxruntime" not in find_imported_packages(file), file


def is_allowed(file: str, imported: str) -> bool:
    """Return whether a file of device_runtime may import from a room."""
    room = Path(file).with_suffix("").parts[1]
    if room in ENTRY_POINTS or imported in {room, LEAF}:
        return True
    if {room, imported} == {"cli", "daemon"}:
        return file in MAY_USE_DAEMON
    return {room, imported} <= set(ROOMS) and ROOMS.index(imported) < ROOMS.index(room)


def test_a_room_of_the_runtime_imports_nothing_that_stands_to_its_right() -> None:
    violations = [
        f"{file}:{line} imports {name}"
        for file in (str(path.relative_to(ROOT)) for path in list_python_files("device_runtime"))
        for line, name in find_imports(ROOT / file)
        if name.startswith("device_runtime.") and not is_allowed(file, name.split(".")[1])
    ]
    assert violations == []
