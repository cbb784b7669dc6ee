"""The reference and the man page are made from the program, the same everywhere."""

import shutil
import subprocess

import pytest

from device_runtime.cli.app import COMMANDS
from tools.docs import cli_reference, man_page
from tools.docs.cli_commands import list_commands, list_common_options


def test_every_command_has_a_purpose_and_an_example() -> None:
    commands = list_commands()
    assert {command.name.split()[1] for command in commands} == set(COMMANDS)
    assert {"edgecl config show", "edgecl service install"} < {command.name for command in commands}
    for command in commands:
        assert command.help.purpose.endswith(".")
        assert any(command.name in line for line in command.help.blocks["Examples"])


def test_every_option_is_explained_with_its_default_and_its_unit() -> None:
    (enroll,) = (command for command in list_commands() if command.name == "edgecl enroll")
    options = {name: one for one in enroll.parameters for name in one.names}
    assert options["--predict"] == options["--hear"]
    assert options["--method"].value.startswith("auto|prototype|slda")
    assert enroll.usage == "edgecl enroll [OPTIONS] [NAME] [FOLDER]"
    common = {one.names[0]: one for one in list_common_options()}
    assert common["--cache-limit"].value == "MB, 0 to 1048576"
    assert (common["--cache-limit"].default, common["--cache-limit"].variable) == (
        "512",
        "EDGECL_CACHE_LIMIT",
    )
    assert all(one.meaning.endswith(".") for one in (*options.values(), *common.values()))


def test_the_reference_is_the_same_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    page = cli_reference.render()
    monkeypatch.setenv("COLUMNS", "40")
    assert cli_reference.render() == page
    assert "\n## edgecl export-task\n" in page
    assert "| `--api/--no-api` | as configured | Serve the page and the HTTP API. |" in page


def test_the_man_page_is_valid_roff() -> None:
    page = man_page.render()
    assert ".SS edgecl correct [OPTIONS] CLIP|EVENT_ID" in page
    assert page.count("\n.nf\n") == page.count("\n.fi\n") == page.count("\n.RE\n") > len(COMMANDS)
    if shutil.which("groff"):
        command = ["groff", "-man", "-ww", "-Tutf8", "-K", "utf8", "-z"]
        done = subprocess.run(command, input=page, text=True, check=True, capture_output=True)
        assert done.stderr == ""
