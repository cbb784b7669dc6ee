"""Help texts: docstrings become help, and the shell completes commands and options."""

import os
import subprocess
import sys

from device_runtime.cli.help import HelpText
from tests.device.conftest import Edgecl

DOCSTRING = """Do a thing
in one sentence.

A paragraph that is
wrapped, with [brackets].

Examples:
    edgecl thing

    # A comment
    edgecl thing --more
File:
    [section]"""


def test_a_docstring_has_a_purpose_paragraphs_and_blocks() -> None:
    text = HelpText.parse(DOCSTRING.replace("\nFile", "\n\nFile"))
    assert text.purpose == "Do a thing in one sentence."
    assert text.paragraphs == ["A paragraph that is wrapped, with [brackets]."]
    assert text.blocks == {
        "Examples": ["edgecl thing", "", "# A comment", "edgecl thing --more"],
        "File": ["[section]"],
    }
    assert "\n  # A comment\n  edgecl thing --more\n\n" in text.to_markup()
    assert r"\[brackets]" in text.to_markup()


def test_examples_stand_on_lines_of_their_own(edgecl: Edgecl) -> None:
    lines = [line.strip() for line in edgecl("enroll", "--help").out.splitlines()]
    assert "edgecl enroll alarms more-sounds/ --add" in lines
    assert "[tasks.alarms.thresholds]" in edgecl("serve", "--help").out


def complete(line: str, word: int) -> list[str]:
    """Return what bash would offer for word number `word` of a command line."""
    asked = {"_EDGECL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    command = [sys.executable, "-m", "device_runtime"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_shell_completes_commands_and_options() -> None:
    assert complete("edgecl ev", 1) == ["evaluate"]
    assert {"--replace", "--recipe"} <= set(complete("edgecl enroll --re", 2))
    assert complete("edgecl enroll --method sl", 3) == ["slda"]
