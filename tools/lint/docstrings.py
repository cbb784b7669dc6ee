"""Find docstrings of functions that begin with a relative clause, which D401 passes over."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.lint.problem import Problem

RELATIVE = {"What", "Which", "Who", "Whose", "How", "Whether", "Where", "When", "That"}


def find_relative_docstrings(file: Path, text: str) -> Iterator[Problem]:
    """Yield a problem for every function's docstring that begins with `What`, `Which` and the like."""
    if file.suffix != ".py" or "tests" in file.parts:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or "").partition(" ")[0]
            if first in RELATIVE:
                yield Problem(
                    file, node.body[0].lineno, f"docstring begins with '{first}': begin with a verb"
                )
