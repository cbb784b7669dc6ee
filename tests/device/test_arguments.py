"""What a command line asks for, and what an impossible one gets."""

import subprocess
import sys

import pytest
import typer.main

from device_runtime.cli.app import COMMANDS, build_app
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
def test_an_impossible_request_is_a_sentence(
    edgecl: Edgecl, arguments: list[str], sentence: str, hint: str
) -> None:
    told = edgecl(*arguments)
    error, way_out = told.err.splitlines()
    assert told.code == 2
    assert sentence in error
    assert hint in way_out


def test_version_and_help_are_texts_for_people(edgecl: Edgecl) -> None:
    assert edgecl("--version").out.startswith("edgecl ")
    told = edgecl("enroll", "--help", "--json")
    assert told.code == 0
    assert "Examples" in told.out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_what_it_is_asked_for_by(name: str) -> None:
    assert list(typer.main.get_command(build_app(name)).commands) == [name]


def test_help_knows_all_commands(edgecl: Edgecl) -> None:
    told = edgecl("--help").out
    assert [name for name in COMMANDS if f" {name} " not in told] == []


def test_a_misspelt_command_is_told(edgecl: Edgecl) -> None:
    told = edgecl("enrol")
    assert told.code == 2
    assert "No such command 'enrol'" in told.err


def test_a_command_starts_without_what_only_others_need() -> None:
    code = (
        "import sys; from device_runtime.cli.app import build_app; build_app('serve');"
        "print(sorted({'device_runtime.training.learner', 'numpy.random'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed == "[]\n"
