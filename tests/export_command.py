"""The command `edgecl-export`, run within a test."""

import pytest

from export.cli import main


def export(*arguments: object, on: pytest.MonkeyPatch) -> int:
    """The exit code of `edgecl-export ARGUMENTS…`."""
    on.setattr("sys.argv", ["edgecl-export", *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)
