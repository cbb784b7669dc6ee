"""Shared ground: the real audio (EDGECL_DATA), its tasks unpacked."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real audio; without it a test is skipped, under CI=true it fails."""
    folder = Path(os.environ.get("EDGECL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        reason = f"no audio at '{folder}': set EDGECL_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def task(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpacks a labelled task by name: a folder with train/<class>/ and test/<class>/."""
    unpacked = tmp_path_factory.mktemp("tasks")

    def unpack(name: str) -> Path:
        if not (unpacked / name).exists():
            with tarfile.open(data / "tasks" / f"{name}.tar") as tar:
                tar.extractall(unpacked, filter="data")
        return unpacked / name

    return unpack
