"""Runs the command `edgecl-export` in a test."""

import pytest

from export.cli import main


def export(*arguments: object, on: pytest.MonkeyPatch) -> int:
    """Return the exit code of `edgecl-export ARGUMENTS…`."""
    on.setattr("sys.argv", ["edgecl-export", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    return int(exit_info.value.code or 0)
