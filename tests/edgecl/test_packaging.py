"""What `pip install` installs, and under which names."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_of_the_three_folders_is_installed_and_export_under_a_name_of_its_own():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {
        file.parent.relative_to(ROOT).as_posix()
        for name in ("edgecl", "device_runtime", "export")
        for file in (ROOT / name).rglob("*.py")
    }
    installed = {folder.replace("/", ".").removeprefix("export") for folder in folders}
    expected = {f"edgecl_export{name}" if name == "" or name.startswith(".") else name for name in installed}
    assert sorted(expected) == listed


def test_export_imports_its_own_modules_relatively_so_that_it_works_under_both_names():
    for file in (ROOT / "export").rglob("*.py"):
        assert "from export" not in file.read_text(), file
