"""A signal at any moment: one clear answer, the old state or the new one, never a traceback."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecl.store.store import Store
from tests.device.conftest import process

SEED = 4
RUNS = 8
SECOND_SIGNAL_AFTER_S = 0.003
PAUSE_S = 0.001

SCRIPT = """
import os, signal, sys, time
from device_runtime.cli.signals import interrupts
from edgecl import console
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
class Dying:
    __del__ = lambda self: interrupt()
def command():
    {}
interrupts.install(as_json=False)
sys.exit(console.run(command))
"""


def run(script: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def tasks_in(home: Path) -> dict[str, str]:
    with Store.open(home, create=False) as store:
        return {verdict.task: verdict.status for verdict in store.verify()}


def wait_until(happened: Callable[[], bool], child: "subprocess.Popen[str]") -> None:
    while not happened():
        assert child.poll() is None, "it ended before anything could happen"
        time.sleep(PAUSE_S)


def listens(child: "subprocess.Popen[str]") -> bool:
    """Whether the command has taken over SIGTERM, as the kernel sees it."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def answer_of(child: "subprocess.Popen[str]") -> dict[str, Any]:
    """The one document of a command that was interrupted, or was too quick for that."""
    out, err = child.communicate(timeout=60)
    document: dict[str, Any] = json.loads(out)
    if child.returncode == 0:
        assert err == ""
        return document
    assert child.returncode == 1
    assert document["error"].startswith("interrupted: ")
    assert err == f"error: {document['error']}\n"
    return document


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_enrolment_changes_nothing_and_says_so(
    number: int, home: Path, recordings: Path, bundle: Path
) -> None:
    known = len(list((home / "cache").iterdir()))
    child = process("enroll", "kitchen", recordings / "kitchen", "--home", home, "--bundle", bundle, "--json")
    wait_until(lambda: len(list((home / "cache").iterdir())) > known, child)
    child.send_signal(number)
    assert answer_of(child) == {"error": "interrupted: nothing was changed", "hint": ""}
    assert tasks_in(home) == {"alarms": "unchanged"}


def test_two_signals_at_any_moment_get_one_answer(home: Path, recordings: Path, bundle: Path) -> None:
    words = ["enroll", "kitchen", recordings / "kitchen", "--replace", "--home", home, "--bundle", bundle]
    begun = time.monotonic()
    assert "error" not in answer_of(process(*words, "--json"))
    duration_s = time.monotonic() - begun
    moments = random.Random(SEED)
    for _ in range(RUNS):
        child = process(*words, "--json")
        wait_until(lambda child=child: listens(child), child)  # type: ignore[misc]
        time.sleep(moments.uniform(0, duration_s))
        child.send_signal(signal.SIGINT)
        time.sleep(SECOND_SIGNAL_AFTER_S)
        child.send_signal(moments.choice([signal.SIGINT, signal.SIGTERM]))
        answer_of(child)
        assert tasks_in(home) == {"alarms": "unchanged", "kitchen": "unchanged"}


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("Dying(); time.sleep(60)", "nothing was changed"),
        ("sorted([2, 1], key=lambda n: interrupt())", "nothing was changed"),
        (
            "with interrupts.defer('task is stored'): interrupt(); interrupt(); print('stored')",
            "task is stored",
        ),
    ],
)
def test_no_code_swallows_a_signal_and_a_change_is_finished_first(command: str, left: str) -> None:
    done = run(SCRIPT.format(command))
    assert (done.returncode, done.stderr) == (1, f"error: interrupted: {left}\n")


def test_a_signal_after_the_answer_has_begun_comes_too_late() -> None:
    command = "from device_runtime.cli import output; output.emit({'heard': 'knock'}); interrupt()"
    done = run(SCRIPT.format(command))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"heard": "knock"}


def test_a_signal_while_python_winds_up_changes_nothing(home: Path) -> None:
    script = """
import atexit, os, signal
from device_runtime.cli import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
main()
"""
    done = run(script, "tasks", "--home", home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alarms" in done.stdout


NOTICING = """
with interrupts.poll() as asked:
        interrupt()
        print('asked', asked())
        {}
    print('ended')
"""


def test_work_without_an_end_is_asked_to_stop_and_stopped_the_second_time() -> None:
    once = run(SCRIPT.format(NOTICING.strip().format("pass")))
    assert (once.returncode, once.stdout, once.stderr) == (0, "asked True\nended\n", "")
    twice = run(SCRIPT.format(NOTICING.strip().format("interrupt()")))
    assert twice.returncode == 1
    assert twice.stderr == "error: interrupted: nothing was changed\n"
