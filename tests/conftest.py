"""Fixtures for all tests: the real audio (EDGECL_DATA), its tasks, the published teacher."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and tables would be as narrow
REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("EDGECL_DATA", REPOSITORY.parent / "shared" / "data"))


def require(path: Path) -> Path:
    """Return a path; if it does not exist, skip the test, or fail it under CI=true."""
    if not path.exists():
        reason = f"no '{path}': set EDGECL_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Return a function that finds a file of the real audio by its path in that folder."""
    return lambda name: require(DATA / name)


@pytest.fixture(scope="session")
def published_teacher() -> Path:
    """Return the folder of the published teacher: its weights and the names of its classes."""
    folder = DATA.parent / "models" / "mn04"
    require(folder / "mn04_as_mAP_432.pt")
    require(folder / "audioset_class_labels_indices.csv")
    return folder


@pytest.fixture(scope="session")
def task(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that unpacks a labelled task by name: train/<class>/ and test/<class>/."""
    unpacked = tmp_path_factory.mktemp("tasks")

    def unpack(name: str) -> Path:
        if not (unpacked / name).exists():
            with tarfile.open(data(f"tasks/{name}.tar")) as tar:
                tar.extractall(unpacked, filter="data")
        return unpacked / name

    return unpack
