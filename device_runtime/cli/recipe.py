"""The option --recipe KEY=VALUE, and `--recipe help`, which explains every key."""

from typing import Annotated

import typer

from device_runtime.cli import screen
from device_runtime.recipe_words import explained

HELP = "help"


def _explain(words: list[str] | None) -> list[str] | None:
    """The words of the option; the one word `help` prints a table and leaves."""
    if words and HELP in words:
        columns = ["KEY=VALUE", "from … to", "meaning"]
        screen.answer(screen.table("how an adapter is trained, as usual", columns, explained()))
        raise typer.Exit
    return words


RecipeWords = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        metavar="KEY=VALUE",
        help="Train an adapter otherwise than usual; may be repeated. '--recipe help' explains every KEY.",
        show_default=False,
        callback=_explain,
        is_eager=True,
    ),
]
