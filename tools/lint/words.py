"""Find banned words in Python, in the page and in Markdown."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tools.lint.problem import Problem
from tools.lint.rules import Rules

TEXT = {"STRING", "COMMENT", "FSTRING_MIDDLE"}


def find_banned_words(file: Path, text: str, rules: Rules) -> Iterator[Problem]:
    """Yield a problem for every banned word of a file."""
    exempt = rules.exempt_texts(file)
    if "*" in exempt:
        return
    pieces = _python_pieces(text) if file.suffix == ".py" else [(1, text)]
    for line, piece in [(1, file.stem), *pieces]:
        for offset, word in _banned_words(piece, exempt, rules):
            yield Problem(
                file, line + offset, f"'{word}': write {rules.words[' '.join(word.lower().split())]}"
            )


def _banned_words(piece: str, exempt: list[str], rules: Rules) -> Iterator[tuple[int, str]]:
    """Yield each banned word of a text with the number of lines before it."""
    for one in exempt:
        piece = piece.replace(one, " " * len(one))
    piece = re.sub(r"\\[nrt]", "  ", piece)
    for match in rules.pattern.finditer(piece):
        yield piece.count("\n", 0, match.start()), re.sub(r"[\s#]+", " ", match[0])


def _python_pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments, the strings and the names that a module defines, each with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] in TEXT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        name = _defined_name(node)
        if name:
            yield getattr(node, "lineno", 1), name


def _defined_name(node: ast.AST) -> str | None:
    """Return the name that a node defines; names that are merely used belong to their own definition."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case (
            ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store())
        ):
            return name
        case ast.alias(asname=name) | ast.ExceptHandler(name=name) | ast.MatchAs(name=name):
            return name
    return None
