"""Pieces of generated Markdown."""

from collections.abc import Collection, Iterator

from pydantic import BaseModel

from tools.docs.model_fields import describe_fields


def field_table(model: type[BaseModel], with_default: bool, skipped: Collection[str] = ()) -> Iterator[str]:
    """Yield the fields of a model as the lines of a table."""
    heading = ["field", "type", *(["default"] if with_default else []), "meaning"]
    yield table_row(heading)
    yield table_row(["---"] * len(heading))
    for field in describe_fields(model):
        if field.name not in skipped:
            default = [field.default] if with_default else []
            yield table_row([f"`{field.name}`", field.type, *default, field.meaning])


def table_row(cells: Collection[str]) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sentence(text: str) -> str:
    """Return a docstring in one line, with a capital and a full stop."""
    words = " ".join(text.split())
    return words and words[0].upper() + words[1:] + ("" if words.endswith(".") else ".")
