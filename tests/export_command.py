"""Running the command `edgecl-export` within a test."""

import pytest

from export.cli import main


def export(*arguments: object, on: pytest.MonkeyPatch) -> int:
    """Run `edgecl-export ARGUMENTS…` and return its exit code."""
    on.setattr("sys.argv", ["edgecl-export", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)
