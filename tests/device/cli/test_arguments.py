"""Command lines: help, version, wrong usage, and which modules a command imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_runtime.cli.app import COMMANDS, load_command
from tests.device.conftest import Edgecl


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["tasks", "--threads", "0"], "Invalid value for '--threads'", "see 'edgecl tasks --help'"),
        (["tasks", "--home", "~nouser/x"], "the home folder of '~nouser' is not known", "the whole path"),
        (["tasks", "--bundle", "~nouser/x"], "the home folder of '~nouser' is not known", "the whole path"),
        (["--version", "--json"], "No such option: --json", "see 'edgecl --help'"),
        (["enroll", "a\x1b[2J", "x"], r"a\x1b[2J", "letters, digits"),
    ],
)
def test_wrong_usage_gets_an_error_and_a_hint(
    edgecl: Edgecl, arguments: list[str], sentence: str, hint: str
) -> None:
    result = edgecl(*arguments)
    error, way_out = result.err.splitlines()
    assert result.code == 2
    assert sentence in error
    assert hint in way_out


def test_version_and_help_are_plain_text(edgecl: Edgecl) -> None:
    assert edgecl("--version").out.startswith("edgecl ")
    result = edgecl("enroll", "--help", "--json")
    assert result.code == 0
    assert "Examples" in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_program_has_the_first_sentence_of_each_command(name: str) -> None:
    first, _, _ = load_command(name).help.partition("\n\n")
    assert COMMANDS[name].purpose == first


def test_help_lists_all_commands(edgecl: Edgecl) -> None:
    result = edgecl("--help").out
    assert [name for name in COMMANDS if f" {name} " not in result] == []


def test_a_misspelt_command_is_an_error(edgecl: Edgecl) -> None:
    result = edgecl("enrol")
    assert result.code == 2
    assert "No such command 'enrol'" in result.err


HEAVY = {"device_runtime.training.learner", "numpy.random", "onnxruntime", "fastapi", "matplotlib"}
ARRAYS = {"numpy", "soundfile"}


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("serve --help", HEAVY),
        ("tasks", HEAVY | ARRAYS),
        ("verify --help", HEAVY | ARRAYS),
        ("--version", HEAVY | ARRAYS),
        ("--help", HEAVY | ARRAYS | {"device_runtime.cli.enroll"}),
    ],
)
def test_a_command_imports_nothing_that_only_others_need(command: str, others: set[str], home: Path) -> None:
    code = f"""
import atexit, sys
atexit.register(lambda: print(sorted({others!r} & set(sys.modules)), file=sys.stderr))
sys.argv = ["edgecl", *"{command}".split()]
from device_runtime.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"EDGECL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n"
