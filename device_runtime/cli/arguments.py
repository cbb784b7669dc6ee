"""From a command line to an exit code, the same for every command of this project."""

import typer

from edgecl.errors import UsageError


def run_app(app: typer.Typer, arguments: list[str], name: str) -> int:
    """Run the command of an application that these arguments name, and return its exit code.

    Raises:
        UsageError: there is no such command or option, or a value is not allowed.
    """
    try:
        return app(arguments, prog_name=name, standalone_mode=False) or 0
    except typer.Exit as leaving:
        return leaving.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a usage error of click
            raise
        path = getattr(getattr(error, "ctx", None), "command_path", name)
        raise UsageError(error.format_message().rstrip("."), f"see '{path} --help'") from None
