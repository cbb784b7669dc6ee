"""The option --recipe KEY=VALUE, and `--recipe help`, which lists every key."""

from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.training.methods.closed_form import CLOSED_FORMS
from device_runtime.training.recipe import Recipe, describe_settings
from edgecl.errors import UsageError

HELP = "help"
KEYS_OF_EVERY_METHOD = ("windows", "copies")


def parse_recipe(words: list[str] | None, method: str) -> Recipe | None:
    """Return the recipe that the option asks for; None where it is not given.

    Raises:
        UsageError: a word is wrong, or sets how to train while the method is a closed form.
    """
    if not words:
        return None
    recipe = Recipe.parse(words)
    unused = [word for word in words if word.partition("=")[0] not in KEYS_OF_EVERY_METHOD]
    if method in CLOSED_FORMS and unused:
        raise UsageError(
            f"{method} is computed in closed form: '{unused[0]}' has no effect on it",
            f"only {' and '.join(KEYS_OF_EVERY_METHOD)} have; the others need --method adapter or auto",
        )
    return recipe


def _print_help(words: list[str] | None) -> list[str] | None:
    """Return the words of the option; the word `help` prints a table and exits."""
    if words and HELP in words:
        columns = ["KEY=DEFAULT", "range", "meaning"]
        output.print_answer(output.build_table("Training recipe of an adapter", columns, describe_settings()))
        raise typer.Exit
    return words


RecipeWords = Annotated[
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
