"""Fixtures of the device side: a bundle, a few recordings, and the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from device_runtime.cli import main
from device_runtime.data.task_loader import load_tasks
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.recognition.recognizer import Recognizer
from edgecl.store.store import Store
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

ALARMS = ("doorbell", "smoke_alarm", "timer")
CHANGING = ("enroll", "correct", "undo", "consolidate", "forget", "export-task", "import-task")
COMMANDS = (*CHANGING, "predict", "listen", "serve", "evaluate", "tasks", "verify", "doctor", "bench")
KITCHEN = ("kettle_whistle", "knock")
RINGS_AT_S = (3.0, 10.0)


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the JSON document on stdout."""
        return json.loads(self.out)


Edgecl = Callable[..., CommandResult]


def process(*arguments: object) -> "subprocess.Popen[str]":
    """Start `edgecl ARGUMENTS…` in a process of its own, with pipes for its output."""
    command = [sys.executable, "-m", "device_runtime", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def bundle() -> Path:
    """Return the shipped bundle, or the one that EDGECL_TEST_BUNDLE names."""
    folder = Path(os.environ.get("EDGECL_TEST_BUNDLE", DEFAULT_BUNDLE))
    if not folder.is_dir():
        pytest.skip(f"no bundle at '{folder}': set EDGECL_TEST_BUNDLE")
    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write recordings/alarms/<label>/N.wav and recordings/kitchen/<label>/N.wav, four of each sound."""
    folder = tmp_path_factory.mktemp("recordings")
    for task, labels in {"alarms": ALARMS, "kitchen": KITCHEN}.items():
        for label in labels:
            (folder / task / label).mkdir(parents=True)
            for number in range(4):
                soundfile.write(folder / task / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return folder


@pytest.fixture
def edgecl(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Edgecl]:
    """Run `edgecl ARGUMENTS…` in this process, with the home in tmp_path/home."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setenv("EDGECL_HOME", str(tmp_path / "home"))

    def run(*arguments: object) -> CommandResult:
        words = [str(argument) for argument in arguments]
        if "--bundle" not in words and words[0] in COMMANDS:
            words[1:1] = ["--bundle", str(bundle)]
        monkeypatch.setattr(sys, "argv", ["edgecl", *words])
        with pytest.raises(SystemExit) as exit_info:
            main()
        result = capsys.readouterr()
        assert isinstance(exit_info.value.code, int)
        return CommandResult(exit_info.value.code, result.out, result.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def learnt_home(bundle: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which 'alarms' was enrolled; to be copied, not changed."""
    home = tmp_path_factory.mktemp("learnt") / "home"
    command = [sys.executable, "-m", "device_runtime", "enroll", "alarms", str(recordings / "alarms")]
    subprocess.run(
        [*command, "--home", str(home), "--bundle", str(bundle), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return home


@pytest.fixture(scope="session")
def recognizer(learnt_home: Path, bundle: Path) -> Recognizer:
    """Return a recognizer of the enrolled task."""
    runtime = Runtime.open(bundle, 1)
    with Store.open(learnt_home, create=False) as store:
        return Recognizer(runtime, load_tasks(store, runtime.bundle.manifest))


@pytest.fixture(scope="session")
def evening() -> np.ndarray:
    """Return sixteen seconds of a quiet room in which the doorbell rings twice, float32 [samples]."""
    sound = np.random.RandomState(0).uniform(-1e-3, 1e-3, 16 * RATE_HZ)
    for number, at_s in enumerate(RINGS_AT_S):
        ring = make_clip("doorbell", 100 + number)
        sound[round(at_s * RATE_HZ) :][: ring.size] += ring
    return sound.astype(np.float32)


@pytest.fixture
def home(learnt_home: Path, tmp_path: Path) -> Path:
    """Return a copy of the home with 'alarms', where the fixture `edgecl` finds it."""
    shutil.copytree(learnt_home, tmp_path / "home")
    return tmp_path / "home"
