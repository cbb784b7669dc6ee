"""Lines of a table in Markdown."""

from collections.abc import Iterator, Sequence


def row(cells: Sequence[str]) -> str:
    """One line."""
    return f"| {' | '.join(cells)} |"


def heading(columns: Sequence[str]) -> Iterator[str]:
    """The names of the columns, and the line below them."""
    yield row(columns)
    yield row(["---"] * len(columns))
