"""A real browser, and running daemons for it to show."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from tests.device.daemon.browser import ODD, SOON_MS, Another, Opened, Window, chromium
from tests.device.daemon.running import RATE_HZ, Daemon
from tools.demo.synthesise import make_clip

expect.set_options(timeout=SOON_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Open browser windows on daemons; after the test none may have had an error."""
    windows: list[Window] = []

    def window(daemon: Daemon, **more: object) -> Window:
        windows.append(Window(browser, f"http://127.0.0.1:{daemon.port}/", **more))
        return windows[-1]

    yield window
    for one in windows:
        one.close()


@pytest.fixture(scope="module")
def device(
    bundle: Path, learnt_home: Path, evening: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A daemon with the alarms, and a task with a label that looks like HTML."""
    folder = tmp_path_factory.mktemp("device")
    shutil.copytree(learnt_home, folder / "home")
    for label, sound in ((ODD, "doorbell"), ("timer", "timer")):
        (folder / "odd" / label).mkdir(parents=True)
        for number in range(4):
            soundfile.write(folder / "odd" / label / f"{number}.wav", make_clip(sound, number), RATE_HZ)
    command = [sys.executable, "-m", "device_runtime", "enroll", "odd", str(folder / "odd")]
    words = ["--home", str(folder / "home"), "--bundle", str(bundle), "--json"]
    subprocess.run([*command, *words], check=True, capture_output=True)
    daemon = Daemon(folder, bundle, evening)
    yield daemon
    daemon.close()


@pytest.fixture
def another(bundle: Path, evening: np.ndarray, tmp_path: Path) -> Iterator[Another]:
    """Start a daemon with other options."""
    with ExitStack() as started:
        yield lambda **setup: started.enter_context(closing(Daemon(tmp_path, bundle, evening, **setup)))
