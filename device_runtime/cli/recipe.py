"""The option --recipe KEY=VALUE, and `--recipe help`, which explains every key."""

from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.training.methods.closed_form import CLOSED_FORMS
from device_runtime.training.recipe import Recipe
from device_runtime.training.recipe_text import explained, recipe_of
from edgecl.errors import UsageError

HELP = "help"
OF_EVERY_METHOD = ("windows", "copies")


def wanted(words: list[str] | None, method: str) -> Recipe | None:
    """The recipe that the option asks for; None where it does not.

    Raises:
        UsageError: there is no such recipe, or it says how to train and the method trains nothing.
    """
    if not words:
        return None
    recipe = recipe_of(words)
    idle = [word for word in words if word.partition("=")[0] not in OF_EVERY_METHOD]
    if method in CLOSED_FORMS and idle:
        raise UsageError(
            f"{method} is computed in closed form: '{idle[0]}' changes nothing of it",
            f"only {' and '.join(OF_EVERY_METHOD)} do; the rest is for --method adapter or auto",
        )
    return recipe


def _explain(words: list[str] | None) -> list[str] | None:
    """The words of the option; the one word `help` prints a table and leaves."""
    if words and HELP in words:
        columns = ["KEY=VALUE", "from … to", "meaning"]
        output.answer(output.table("how an adapter is trained, as usual", columns, explained()))
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
