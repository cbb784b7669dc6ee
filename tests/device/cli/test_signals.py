"""A signal at any time gets one clear answer and leaves the old state or the new one."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgecl.store.store import Store
from tests.deadlines import SOON_S
from tests.device.conftest import process
from tests.device.helpers import handles_sigterm, read_answer, wait_until

SEED = 4
RUNS = 8
SECOND_SIGNAL_AFTER_S = 0.003

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
    return subprocess.run(command, capture_output=True, text=True, timeout=SOON_S, check=False)


def read_statuses(home: Path) -> dict[str, str]:
    with Store.open(home, create=False) as store:
        return {verdict.task: verdict.status for verdict in store.verify()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_enrolment_changes_nothing_and_reports_so(
    number: int, home: Path, recordings: Path, bundle: Path
) -> None:
    known = len(list((home / "cache").iterdir()))
    child = process("enroll", "kitchen", recordings / "kitchen", "--home", home, "--bundle", bundle, "--json")
    wait_until(lambda: len(list((home / "cache").iterdir())) > known, child)
    child.send_signal(number)
    assert read_answer(child) == {"error": "interrupted: nothing was changed", "hint": ""}
    assert read_statuses(home) == {"alarms": "unchanged"}


def test_two_signals_at_any_moment_get_one_answer(home: Path, recordings: Path, bundle: Path) -> None:
    words = ["enroll", "kitchen", recordings / "kitchen", "--replace", "--home", home, "--bundle", bundle]
    begun = time.monotonic()
    assert "error" not in read_answer(process(*words, "--json"))
    duration_s = time.monotonic() - begun
    moments = random.Random(SEED)
    for _ in range(RUNS):
        child = process(*words, "--json")
        wait_until(lambda child=child: handles_sigterm(child), child)  # type: ignore[misc]
        time.sleep(moments.uniform(0, duration_s))
        child.send_signal(signal.SIGINT)
        time.sleep(SECOND_SIGNAL_AFTER_S)
        child.send_signal(moments.choice([signal.SIGINT, signal.SIGTERM]))
        read_answer(child)
        assert read_statuses(home) == {"alarms": "unchanged", "kitchen": "unchanged"}


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
def test_no_code_swallows_a_signal_and_a_commit_is_finished_first(command: str, left: str) -> None:
    done = run(SCRIPT.format(command))
    assert (done.returncode, done.stderr) == (1, f"error: interrupted: {left}\n")


def test_a_signal_after_the_answer_has_begun_is_ignored() -> None:
    command = "from device_runtime.cli import output; output.emit({'label': 'knock'}); interrupt()"
    done = run(SCRIPT.format(command))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"label": "knock"}


def test_a_signal_while_python_exits_is_ignored(home: Path) -> None:
    script = """
import atexit, os, signal
from device_runtime.cli import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
main()
"""
    done = run(script, "tasks", "--home", home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alarms" in done.stdout


POLLING = """
with interrupts.poll() as is_requested:
        interrupt()
        print('asked', is_requested())
        {}
    print('ended')
"""


def test_endless_work_polls_the_first_signal_and_is_stopped_by_the_second() -> None:
    once = run(SCRIPT.format(POLLING.strip().format("pass")))
    assert (once.returncode, once.stdout, once.stderr) == (0, "asked True\nended\n", "")
    twice = run(SCRIPT.format(POLLING.strip().format("interrupt()")))
    assert twice.returncode == 1
    assert twice.stderr == "error: interrupted: nothing was changed\n"
