"""From a command line to an exit code, the same for every command of this project."""

import typer

from edgecl.errors import UsageError


def run(app: typer.Typer, arguments: list[str], name: str) -> int:
    """The exit code of the command of `app` that these arguments ask for.

    Raises:
        UsageError: they ask for none.
    """
    try:
        return app(arguments, prog_name=name, standalone_mode=False) or 0
    except typer.Exit as leaving:
        return leaving.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):  # a fault in the arguments, whichever click found it
            raise
        asked = getattr(getattr(error, "ctx", None), "command_path", name)
        raise UsageError(error.format_message().rstrip("."), f"see '{asked} --help'") from None
