"""What a command line asks for, and what an impossible one gets."""

import pytest

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
