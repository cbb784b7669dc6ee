"""`edgecl-export` where the host extra is not installed."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from export.cli import main; main()"


@pytest.mark.parametrize("arguments", [["--help"], ["check", "somewhere"]], ids=" ".join)
def test_the_export_command_names_the_extra_it_needs(arguments: list[str]) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: edgecl-export needs the host extra")
    assert result.stderr.endswith("hint:  in the clone: pip install '.[host]'\n")
