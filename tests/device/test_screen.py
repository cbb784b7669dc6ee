"""What a terminal, a pipe and a log show of the same answer."""

import io

import pytest
from rich.console import Console

from device_runtime.cli import output
from device_runtime.cli.progress import COLUMNS, Bars
from tests.device.conftest import Edgecl

SENTENCE = " ".join(["the recordings of the doorbell were heard"] * 8)


def test_what_is_told_while_bars_are_drawn_goes_above_them(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=80, color_system=None)
    with Bars(*COLUMNS, console=console) as bars, output.print_above(console):
        bars("listening", 16, 16)
        output.print_message("'drums' can be used")
        bars("learning", 0, 1)
    shown = drawn.getvalue()
    assert "'drums' can be used\n" in shown
    assert "listening" in shown.split("'drums' can be used\n")[1]
    assert capsys.readouterr().err == ""


def test_a_stage_of_one_step_swings_until_it_is_done() -> None:
    bars = Bars(*COLUMNS, console=Console(file=io.StringIO()))
    bars("learning", 0, 1)
    assert bars.tasks[0].total is None
    bars("learning", 1, 1)
    assert bars.tasks[0].finished


def test_a_sentence_in_a_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_message(SENTENCE)
    assert capsys.readouterr().err == f"{SENTENCE}\n"


def test_a_piped_table_is_as_wide_as_columns_says_and_ends_in_no_blanks(
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
