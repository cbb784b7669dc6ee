"""Answers and messages on a terminal, in a pipe and in a log."""

import io

import pytest
from rich.console import Console

from device_runtime.cli import output
from device_runtime.cli.progress import COLUMNS, Bars
from tests.device.conftest import Edgecl

SENTENCE = " ".join(["the recordings of the doorbell were read"] * 8)


def test_messages_are_printed_above_progress_bars(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=80, color_system=None)
    with Bars(*COLUMNS, console=console) as bars, output.print_above(console):
        bars("extracting", 16, 16)
        output.print_message("'drums' is ready to use")
        bars("fitting", 0, 1)
    shown = drawn.getvalue()
    assert "'drums' is ready to use\n" in shown
    assert "extracting" in shown.split("'drums' is ready to use\n")[1]
    assert capsys.readouterr().err == ""


def test_a_stage_of_one_step_pulses_until_it_is_done() -> None:
    bars = Bars(*COLUMNS, console=Console(file=io.StringIO()))
    bars("fitting", 0, 1)
    assert bars.tasks[0].total is None
    bars("fitting", 1, 1)
    assert bars.tasks[0].finished


def test_a_message_in_a_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_message(SENTENCE)
    assert capsys.readouterr().err == f"{SENTENCE}\n"


def test_a_piped_table_is_as_wide_as_columns_and_has_no_trailing_blanks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output.print_answer(output.build_table("", ["why", ""], [(SENTENCE, ""), ("", SENTENCE)]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line for line in lines if line != line.rstrip()] == []


def test_tasks_in_a_narrow_terminal_leave_out_the_hash(
    edgecl: Edgecl, home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sha256" in edgecl("tasks").out
    monkeypatch.setenv("COLUMNS", "80")
    narrow = edgecl("tasks").out
    assert "sha256" not in narrow
    assert "smoke_alarm" in narrow
