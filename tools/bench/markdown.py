"""Lines of a Markdown table."""

from collections.abc import Iterator, Sequence


def format_row(cells: Sequence[str]) -> str:
    """Return one line of cells."""
    return f"| {' | '.join(cells)} |"


def format_header(columns: Sequence[str]) -> Iterator[str]:
    """Yield the line of column names and the line below it."""
    yield format_row(columns)
    yield format_row(["---"] * len(columns))
