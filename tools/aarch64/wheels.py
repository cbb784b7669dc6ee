"""The installation for aarch64: wheels alone, chosen and unpacked on the host.

A package without a wheel would be compiled on a board, which takes hours or fails: it is refused here.
"""

import shutil
import struct
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from tools.aarch64.board import SITE, Board, BoardError, run_program

SOURCES = ("device_runtime", "edgecl", "export", "docs/man", "pyproject.toml", "README.md", "LICENSE")
PLATFORM = "aarch64-manylinux_2_28"
TEST_PACKAGES = ("pytest", "hypothesis")
SHOWN = ("onnxruntime", "numpy", "pydantic_core", "soundfile", "soxr", "safetensors")
AARCH64 = 183  # e_machine of an ELF file


@dataclass(frozen=True)
class Installation:
    """What was installed: number of packages, their size, and their versions by name."""

    packages: int
    size_bytes: int
    versions: dict[str, str]


def build_wheel(repository: Path, work: Path) -> Path:
    """Build edgecl's wheel from a copy of its sources, which leaves nothing behind among them."""
    copy = work / "source"
    shutil.rmtree(copy, ignore_errors=True)
    for name in SOURCES:
        source, target = repository / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    shutil.rmtree(work / "wheel", ignore_errors=True)
    run_program(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", work / "wheel", copy
    )
    return next((work / "wheel").glob("*.whl"))


def install(board: Board, wheel: Path, work: Path) -> Installation:
    """Install the wheel with the extra `daemon`, and beside it what the tests need.

    uv chooses the wheels, since pip evaluates the markers of requirements for the machine it runs on.

    Raises:
        BoardError: a package has no wheel, or a library for another processor.
    """
    site = board.root / SITE.removeprefix("/")
    tests = board.root / "opt/tests"
    for folder in (site, tests):
        shutil.rmtree(folder, ignore_errors=True)
    target = ["--python-platform", PLATFORM, "--python-version", board.suite.python, "--only-binary", ":all:"]
    for folder, packages in ((site, [f"{wheel}[daemon]"]), (tests, TEST_PACKAGES)):
        run_program(_find_uv(work), "pip", "install", "--quiet", *target, "--target", folder, *packages)
    for library in site.rglob("*.so*"):
        _demand_aarch64(library)
    versions = {found.name: found.version for found in distributions(path=[str(site)])}
    size_bytes = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    return Installation(len(versions), size_bytes, versions)


def _find_uv(work: Path) -> Path:
    """Return the program uv, which is installed into the working folder when it is first needed."""
    program = work / "uv/bin/uv"
    if not program.exists():
        run_program(sys.executable, "-m", "venv", work / "uv")
        run_program(work / "uv/bin/python", "-m", "pip", "install", "--quiet", "uv")
    return program


def _demand_aarch64(library: Path) -> None:
    head = library.read_bytes()[:20]
    if head[:4] == b"\x7fELF" and struct.unpack_from("<H", head, 18)[0] != AARCH64:
        raise BoardError(f"'{library}' is a library for another processor")
