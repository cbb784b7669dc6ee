"""Print where words, names and docstrings break the rules of style; exit code 1 where one does."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.lint.docstrings import find_relative_docstrings
from tools.lint.names import find_participle_names
from tools.lint.problem import Problem
from tools.lint.rules import ROOT, Rules
from tools.lint.words import find_banned_words

SUFFIXES = {".py", ".js", ".html", ".css", ".md", ".toml", ".yml", ".yaml"}
SKIPPED = {"__pycache__", "node_modules", "build", "site"}


def main(arguments: Sequence[str]) -> int:
    """Check files and folders.

    Args:
        arguments: their paths; without any, the paths that `rules.toml` lists.

    Returns:
        The exit code: 1 where a problem was found.
    """
    rules = Rules.load()
    problems = [
        problem
        for path in [Path(one) for one in arguments] or [_from_here(ROOT / one) for one in rules.paths]
        for file in _text_files(path)
        for problem in _check_file(file, rules)
    ]
    for problem in problems:
        print(problem)
    if problems:
        print(
            f"{len(problems)} problems; the rules and their exceptions are in tools/lint/rules.toml",
            file=sys.stderr,
        )
    return 1 if problems else 0


def _from_here(path: Path) -> Path:
    """Return a path as it is written from the working directory, where that is shorter."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _text_files(path: Path) -> Iterator[Path]:
    """Yield the files of a path that hold code or prose."""
    if path.is_file():
        yield path
    elif not path.exists():
        raise SystemExit(f"error: no such file or folder: {path}")
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        hidden = any(part in SKIPPED or part.startswith(".") for part in inside)
        if not hidden and file.is_file() and file.suffix in SUFFIXES:
            yield file


def _check_file(file: Path, rules: Rules) -> list[Problem]:
    """Return the problems of one file in the order of its lines."""
    text = file.read_text()
    found = {
        *find_banned_words(file, text, rules),
        *find_participle_names(file, text, rules),
        *find_relative_docstrings(file, text),
    }
    return sorted(found, key=lambda one: (one.line, one.message))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
