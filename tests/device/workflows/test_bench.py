"""`edgecl bench` measures this machine, and the numbers of threads that it finds are used from then on."""

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from device_runtime.cli.options import gather
from device_runtime.system.board_profile import (
    ThreadCounts,
    choose_live_threads,
    load_thread_counts,
)
from device_runtime.system.host_info import read_machine
from device_runtime.workflows.bench import BenchReport, LoadResult, ThreadSpeed
from tests.device.conftest import Edgecl

REPORT = BenchReport(
    machine="board",
    cores=4,
    bundle="default",
    variant="fp16",
    speeds=(
        ThreadSpeed(1, 90.0, 80.0, 9.0),
        ThreadSpeed(2, 60.0, 45.0, 6.0),
        ThreadSpeed(4, 58.0, 43.0, 6.0),
    ),
    decode_ms=30.0,
    sync_ms=9.0,
    load=LoadResult(60.0, 58.0, 90.0, 48.0, 82.0),
)


def test_a_thread_more_must_be_worth_it() -> None:
    assert REPORT.threads == ThreadCounts(live=1, work=2)


def test_a_slow_board_listens_with_more_threads() -> None:
    speeds = tuple(
        ThreadSpeed(s.threads, 3 * s.window_ms, 3 * s.batched_window_ms, 3 * s.step_ms) for s in REPORT.speeds
    )
    assert replace(REPORT, speeds=speeds).threads == ThreadCounts(live=2, work=2)


def test_the_figures_are_printed_and_the_threads_are_used_from_then_on(
    edgecl: Edgecl, tmp_path: Path
) -> None:
    result = edgecl("bench", "--load", 1, "--json")
    assert result.code == 0
    home = tmp_path / "home"
    document = json.loads((home / "board.json").read_text())
    assert document == result.json
    assert document["speeds"][0]["threads"] == 1
    for speed in document["speeds"]:
        assert min(speed["window_ms"], speed["batched_window_ms"], speed["step_ms"]) > 0
    assert document["load"]["last_ms"] > 0
    assert load_thread_counts(home) == ThreadCounts(**document["threads"])
    assert gather(home=home).workspace.threads == document["threads"]["work"]
    assert gather(home=home, threads=1).workspace.threads == 1


def test_a_report_to_send_in_is_markdown_without_names_and_paths(edgecl: Edgecl, tmp_path: Path) -> None:
    result = edgecl("bench", "--load", 0, "--share")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith(f"### {read_machine()}, {os.cpu_count()} cores; bundle ")
    assert f"Python {platform.python_version()}, edgecl " in lines[2]
    assert " 64 bits, " in lines[2]
    assert lines[4:6] == [
        "| threads | window | window in a batch | training step |",
        "| --- | --- | --- | --- |",
    ]
    assert lines[6].startswith("| 1 | ")
    assert lines[-1].startswith("- threads from now on: ")
    assert not any(name in result.out for name in (platform.node(), str(tmp_path)))


@pytest.mark.parametrize(
    "change", [{"machine": "another"}, {"cores": 99}, {"format": 1}, {"threads": {"live": 0, "work": 1}}]
)
def test_a_measurement_of_another_machine_is_not_used(tmp_path: Path, change: dict[str, object]) -> None:
    mine = REPORT.to_document() | {"machine": read_machine(), "cores": os.cpu_count()}
    mine["threads"] = {"live": 1, "work": 1}
    (tmp_path / "board.json").write_text(json.dumps(mine | change))
    assert load_thread_counts(tmp_path) is None
    assert choose_live_threads(tmp_path) == 1


def test_a_damaged_measurement_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text('{"format": 2')
    assert load_thread_counts(tmp_path) is None
