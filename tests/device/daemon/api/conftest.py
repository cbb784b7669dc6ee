"""Running daemons with their API."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.device.daemon.running import Daemon, until


@pytest.fixture(scope="module")
def daemon(bundle: Path, evening: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon without tasks."""
    started = Daemon(tmp_path_factory.mktemp("daemon"), bundle, evening)
    yield started
    started.close()


@pytest.fixture(scope="module")
def alarms_daemon(
    bundle: Path, learnt_home: Path, evening: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A daemon with the alarms."""
    folder = tmp_path_factory.mktemp("alarms_daemon")
    shutil.copytree(learnt_home, folder / "home")
    started = Daemon(folder, bundle, evening)
    yield started
    started.close()


@pytest.fixture
def clean_daemon(daemon: Daemon) -> Iterator[Daemon]:
    """The same daemon; after the test its enrolments are cancelled and its tasks forgotten."""
    yield daemon
    for session in daemon.enrolments():
        daemon.http.delete(f"/enrolments/{session['id']}")
    for name in daemon.tasks():
        daemon.http.delete(f"/tasks/{name}").raise_for_status()
    until(lambda: not {"collecting", "learning"} & {one["state"] for one in daemon.enrolments()})
