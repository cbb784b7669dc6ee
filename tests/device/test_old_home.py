"""A home, a bundle and a configuration of version 0.1.0 work as they did (tests/golden/home_0.1.0)."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import SOON_S

GOLDEN = Path(__file__).parents[1] / "golden" / "home_0.1.0"
SCORE_TOLERANCE = 1e-3
KNOCK_THRESHOLD = 0.25
TIMES = ("time", "start", "end")
"""Of an event: a recording's time begins when it is opened."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of everything that version left."""
    return shutil.copytree(GOLDEN, tmp_path / "old")


def run(folder: Path, command: str, *words: str) -> str:
    """Run `edgecl COMMAND` in the folder, with its home and bundle; return stdout."""
    line = [sys.executable, "-m", "device_runtime", command, "--home", "home", "--bundle", "bundle", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=SOON_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_equal(found: Any, expected: Any) -> None:
    """Compare two JSON documents; numbers may differ by rounding, nothing else may."""
    if isinstance(expected, dict):
        assert found.keys() >= expected.keys()
        for key in expected:
            assert_equal(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=SCORE_TOLERANCE)
    else:
        assert found == expected


def test_its_tasks_are_listed_and_verified(old: Path):
    assert_equal(json.loads(run(old, "tasks", "--json")), json.loads((GOLDEN / "tasks.json").read_text()))
    checked = json.loads(run(old, "verify", "--json"))
    assert checked["intact"]


def test_its_tasks_recognise_what_they_recognised(old: Path):
    found = json.loads(run(old, "predict", "--json", "ring.flac", "scene.flac"))
    assert_equal(found["files"], json.loads((GOLDEN / "predict.json").read_text())["files"])


def test_the_daemon_emits_the_same_events_and_continues_the_history(old: Path):
    """Only the threshold differs that was set afterwards, in controls.json."""
    events = [timeless(line) for line in run(old, "serve", "--config", "config.toml").splitlines()]
    expected = [timeless(line) for line in (GOLDEN / "events.jsonl").read_text().splitlines()]
    for event in expected:
        if event.get("label") == "knock":
            event["threshold"] = KNOCK_THRESHOLD
    assert_equal(events, expected)
    assert sounds_in(old / "home") == 2 * sounds_in(GOLDEN / "home") > 0


def timeless(line: str) -> dict[str, Any]:
    """An event without its moments and its random identity."""
    event = json.loads(line)
    return {key: value for key, value in event.items() if key not in (*TIMES, "id")}


def sounds_in(home: Path) -> int:
    """Number of sounds in the history of a home."""
    connection = sqlite3.connect(f"file:{home / 'history.db'}?immutable=1", uri=True)
    try:
        return int(connection.execute("select count(*) from sounds").fetchone()[0])
    finally:
        connection.close()


def test_a_task_is_corrected_from_its_cache_and_the_change_undone(old: Path):
    before = json.loads(run(old, "tasks", "--json"))["tasks"]
    corrected = json.loads(run(old, "correct", "--json", "scene.flac", "--not", "kitchen/knock"))
    assert corrected["task"] == "kitchen"
    run(old, "undo", "kitchen")
    after = json.loads(run(old, "tasks", "--json"))["tasks"]
    assert [task["sha256"] for task in after] == [task["sha256"] for task in before]
    run(old, "undo", "alarms")
    labels = {task["task"]: task["labels"] for task in json.loads(run(old, "tasks", "--json"))["tasks"]}
    assert labels["alarms"] == ["doorbell", "smoke_alarm"]
