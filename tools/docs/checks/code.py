"""Check the code blocks of the documentation: commands, Python, TOML and JSON."""

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from edgecl.config.schema import Config
from tools.docs.checks.commands import check_mentions, check_shell_line
from tools.docs.checks.fenced_blocks import FencedBlock, find_blocks


def check_code(file: Path) -> Iterator[str]:
    """Yield `file:line: message` for all code of a Markdown file that is wrong."""
    for block in find_blocks(file):
        for offset, message in _check_block(block):
            yield f"{file}:{block.line + offset}: {message}"
    text = file.read_text()
    for offset, message in check_mentions(text):
        line = text.count("\n", 0, offset) + 1
        yield f"{file}:{line}: {message}"


def _check_block(block: FencedBlock) -> Iterator[tuple[int, str]]:
    """Yield (lines before it, message) for each fault of a block."""
    match block.language:
        case "bash":
            for number, line in enumerate(block.code.replace("\\\n", "  ").split("\n")):
                yield from ((number, message) for message in check_shell_line(line))
        case "python":
            try:
                ast.parse(block.code)
            except SyntaxError as error:
                yield (error.lineno or 1) - 1, f"not Python: {error.msg}"
        case "toml":
            yield from ((0, message) for message in _check_configuration(block.code))
        case "json":
            try:
                json.loads(block.code)
            except json.JSONDecodeError as error:
                yield error.lineno - 1, f"not JSON: {error.msg}"


def _check_configuration(code: str) -> Iterator[str]:
    """Yield what the program would say of a configuration."""
    try:
        Config.model_validate(tomllib.loads(code))
    except tomllib.TOMLDecodeError as error:
        yield f"not TOML: {error}"
    except ValidationError as error:
        for fault in error.errors():
            yield f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
