"""Check the command lines of the documentation against the real programs."""

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from device_runtime.cli.app import build_app

ROOT = Path(__file__).parents[3]
OPERATORS = re.compile(r"[|&;<>()]+")
MODULE = re.compile(r"python -m (tools[.\w]*)")
TARGET = re.compile(r"^\.?[a-z0-9-]+(?=:)", re.MULTILINE)
INLINE = re.compile(r"`(edgecl(?:-export)? [^`\n]+)`")


def check_shell_line(line: str) -> Iterator[str]:
    """Yield a message for every command of a shell line that would not be understood."""
    for words in _split_commands(line):
        name, arguments = Path(words[0]).name, words[1:]
        if name in PROGRAMS:
            yield from _check_call(name, arguments, with_required=True)
        elif name == "make":
            targets = [word for word in arguments if "=" not in word]
            yield from (f"no target '{one}' in the Makefile" for one in targets if one not in _make_targets())


def check_mentions(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, message) for every inline command and every module of `tools` that does not exist."""
    for match in INLINE.finditer(text):
        for words in _split_commands(match[1]):
            if words[0] in PROGRAMS:
                yield from ((match.start(), one) for one in _check_call(words[0], words[1:], False))
    for match in MODULE.finditer(text):
        module = match[1].rstrip(".")
        if not _module_exists(module):
            yield match.start(), f"there is no module '{module}'"


def _split_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell line, its assignments and comments left out."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        tokens = list(lexer)
    except ValueError:  # a quotation that goes on in the next line
        return
    words: list[str] = []
    for token in [*tokens, ";"]:
        if OPERATORS.fullmatch(token):
            if words:
                yield words
            words = []
        elif words or "=" not in token:
            words.append(token)


def _check_call(program: str, arguments: list[str], with_required: bool) -> Iterator[str]:
    """Yield what is wrong with the arguments of one of our programs."""
    command, path = PROGRAMS[program](), program
    while hasattr(command, "get_command") and arguments and not arguments[0].startswith("-"):
        if command.get_command(_context(command, path), arguments[0]) is None:
            yield f"'{path}' has no command '{arguments[0]}'"
            return
        name, command, arguments = command.resolve_command(_context(command, path), arguments)
        path = f"{path} {name}"
    arguments = [argument for argument in arguments if argument != "…"]
    try:
        given, _, _ = command.make_parser(_context(command, path)).parse_args(list(arguments))
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        yield f"'{path}': {error.format_message()}"
        return
    if with_required and "help" not in given:
        missing = [one.name for one in command.params if one.required and given.get(one.name) in (None, ())]
        yield from (f"'{path}' lacks {name}" for name in missing)


def _context(command: Any, path: str) -> Any:
    """Return a context for parsing alone."""
    return command.context_class(command, info_name=path)


@cache
def _device_program() -> Any:
    return typer.main.get_command(build_app())


@cache
def _host_program() -> Any:
    from export.commands import app  # noqa: PLC0415 - imports torch

    return typer.main.get_command(app)


PROGRAMS: dict[str, Callable[[], Any]] = {"edgecl": _device_program, "edgecl-export": _host_program}


@cache
def _make_targets() -> set[str]:
    return set(TARGET.findall((ROOT / "Makefile").read_text()))


@cache
def _module_exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
