"""What `pip install` installs, and under which names."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAX_INSTALLED_BYTES = 200 << 20


def test_every_package_of_the_three_folders_is_installed_and_export_under_a_name_of_its_own():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {
        file.parent.relative_to(ROOT).as_posix()
        for name in ("edgecl", "device_runtime", "export")
        for file in (ROOT / name).rglob("*.py")
    }
    installed = {folder.replace("/", ".").removeprefix("export") for folder in folders}
    expected = {f"edgecl_export{name}" if name == "" or name.startswith(".") else name for name in installed}
    assert sorted(expected) == listed


def collect_wheels(requirements: Iterable[str], known: set[str]) -> set[str]:
    """Return `known` and the names of all that these requirements install here, by the installed metadata."""
    for requirement in map(Requirement, requirements):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if needed and name not in known:
            known = collect_wheels(distribution(name).requires or [], known | {name})
    return known


def test_pip_install_needs_neither_a_training_framework_nor_more_than_200_mib():
    wheels = collect_wheels(PROJECT["project"]["dependencies"], set())
    assert {"onnxruntime", "numpy", "safetensors", "soundfile", "pydantic"} <= wheels
    assert not wheels & {"onnxruntime-training-cpu", "torch", "onnx", "sympy", "h5py", "scipy"}
    files = [Path(file.locate()) for name in wheels for file in distribution(name).files or []]
    own = [file for name in ("edgecl", "device_runtime", "export") for file in (ROOT / name).rglob("*")]
    installed_bytes = sum(file.stat().st_size for file in {*files, *own} if file.is_file())
    assert 100 << 20 < installed_bytes < MAX_INSTALLED_BYTES


def test_one_requirements_file_names_the_training_wheel_and_says_to_uninstall_the_stock_one():
    lines = (ROOT / "requirements-ort-training.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["onnxruntime-training-cpu==1.19.2"]
    assert "#   pip uninstall --yes onnxruntime" in lines


def test_export_imports_its_own_modules_relatively_so_that_it_works_under_both_names():
    for file in (ROOT / "export").rglob("*.py"):
        assert "from export" not in file.read_text(), file


def test_a_32_bit_system_is_refused_by_the_build_before_any_dependency():
    code = "import runpy, struct; struct.calcsize = lambda code: 4; runpy.run_path('setup.py')"
    command = [sys.executable, "-c", code, "--name"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: edgecl needs a 64-bit system")
