"""The lock file holds what pyproject.toml asks for, with hashes, for every Python of a board."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED_EXTRAS = ("daemon", "mic", "signatures")
PIN = re.compile(r"^(\S+==[^\\\n]+?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def make_environment(version: str) -> dict[str, str]:
    return {
        "python_version": version,
        "python_full_version": f"{version}.1",
        "sys_platform": "linux",
        "platform_machine": "aarch64",
        "implementation_name": "cpython",
        "extra": "",
    }


def read_pins(version: str) -> dict[str, str]:
    """Return name → version of what is installed with a version of Python."""
    found = PIN.findall((ROOT / "requirements.lock").read_text())
    pins = [Requirement(pin) for pin, _ in found]
    used = [pin for pin in pins if not pin.marker or pin.marker.evaluate(make_environment(version))]
    assert len({pin.name for pin in used}) == len(used)
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in used}


def list_required() -> Iterator[Requirement]:
    extras = PROJECT["optional-dependencies"]
    for line in (*PROJECT["dependencies"], *(line for name in LOCKED_EXTRAS for line in extras[name])):
        yield Requirement(line)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_dependency_of_a_board_is_locked_in_its_range(version: str) -> None:
    pins = read_pins(version)
    for required in list_required():
        assert required.specifier.contains(pins[required.name]), required


def test_every_locked_line_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(PIN.findall(text)) == len(lines) > len(PROJECT["dependencies"])
