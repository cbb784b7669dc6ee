"""The option --recipe KEY=VALUE, and `--recipe help`, which lists every key."""

from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.training.recipe import describe_settings

HELP = "help"


def _print_help(settings: list[str] | None) -> list[str] | None:
    """Return the values of the option; the value `help` prints a table and exits."""
    if settings and HELP in settings:
        columns = ["KEY=DEFAULT", "range", "meaning"]
        output.print_answer(output.build_table("Training recipe of an adapter", columns, describe_settings()))
        raise typer.Exit
    return settings


RecipeSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        metavar="KEY=VALUE",
        help="Change how an adapter is trained; repeatable. '--recipe help' lists every KEY.",
        show_default=False,
        callback=_print_help,
        is_eager=True,
    ),
]
