"""Generate docs/reference/python-classes.md from the classes of the Python API."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from device_runtime.api import Device, Event, Prediction, Stream
from tools.docs.markdown import sentence, table_row
from tools.docs.model_fields import attribute_docstrings

INTRODUCTION = """# Python classes

Every class of the [Python API](python.md). `edgecl.Device` is where to begin; it makes the others.
"""
SECTION = re.compile(r"^(Args|Returns|Yields|Raises):$")
ENTRY = re.compile(r"^(\w+|\*+\w+): (.*)$")


def render() -> str:
    """Return the page as Markdown."""
    lines = [INTRODUCTION]
    for kind in (Device, Stream):
        lines += [f"## {kind.__name__}", "", inspect.getdoc(kind) or "", ""]
        for name, member in _public_members(kind):
            lines += [*_describe_member(name, member), ""]
    for record in (Prediction, Event):
        lines += [f"## {record.__name__}", "", inspect.getdoc(record) or "", "", *_field_table(record), ""]
    return "\n".join(lines).rstrip() + "\n"


def _public_members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class in the order of its source."""
    for name, member in vars(kind).items():
        if not name.startswith("_") and (
            callable(getattr(member, "__func__", member)) or _is_property(member)
        ):
            yield name, getattr(member, "__func__", member)


def _is_property(member: Any) -> bool:
    return isinstance(member, property)


def _describe_member(name: str, member: Any) -> Iterator[str]:
    """Yield heading, signature and docstring of a method or property."""
    yield f"### {name}"
    yield ""
    if not _is_property(member):
        yield from ("```text", f"{name}({_parameters(member)}){_result(member)}", "```", "")
    yield from _docstring_lines(inspect.getdoc(member) or "")


def _parameters(function: Callable[..., Any]) -> str:
    """Return the parameters of a method as a caller writes them."""
    own = list(inspect.signature(function).parameters.values())[1:]
    texts = []
    for one in own:
        if one.kind is one.KEYWORD_ONLY and "*" not in texts:
            texts.append("*")
        default = getattr(one.default, "__name__", None) or repr(one.default)
        default = "…" if isinstance(one.default, Path) else default
        texts.append(one.name if one.default is one.empty else f"{one.name}={default}")
    return ", ".join(texts)


def _result(function: Callable[..., Any]) -> str:
    """Return the type of a method's result; empty where it has none."""
    annotation = inspect.signature(function).return_annotation
    return "" if annotation in (None, inspect.Signature.empty) else f" -> {_type_text(annotation)}"


def _type_text(annotation: Any) -> str:
    """Return an annotation without the modules of its names."""
    return re.sub(r"\b\w+(?:\.\w+)*\.(?=\w)", "", inspect.formatannotation(annotation))


def _docstring_lines(text: str) -> Iterator[str]:
    """Yield a docstring as Markdown: its sections become lists."""
    for line in text.split("\n"):
        section, entry = SECTION.match(line), ENTRY.match(line.strip())
        if section:
            yield f"**{section[1]}**"
            yield ""
        elif entry and line.startswith("    "):
            yield f"- `{entry[1]}`: {entry[2]}"
        else:
            yield line.strip() if not line.startswith("        ") else f"  {line.strip()}"


def _field_table(record: type) -> Iterator[str]:
    """Yield the fields of a record as the lines of a table."""
    meanings = attribute_docstrings(record)
    yield table_row(["field", "type", "meaning"])
    yield table_row(["---"] * 3)
    for field in fields(record):
        yield table_row(
            [f"`{field.name}`", f"`{_type_text(field.type)}`", sentence(meanings.get(field.name, ""))]
        )
