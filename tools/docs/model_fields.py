"""Describe the fields of a pydantic model: name, type, default, meaning."""

import ast
import inspect
import json
import textwrap
import types
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

NAMES = {
    str: "string",
    bool: "boolean",
    float: "number",
    int: "integer",
    type(None): "null",
    SecretStr: "string, secret",
}


@dataclass(frozen=True)
class FieldDescription:
    """One field as a reference page shows it."""

    name: str
    type: str
    default: str
    meaning: str


def describe_fields(model: type[BaseModel]) -> list[FieldDescription]:
    """Return the fields of a model in their order, with those it inherits."""
    meanings = {name: text for base in _own_bases(model) for name, text in attribute_docstrings(base).items()}
    return [
        FieldDescription(
            name=name,
            type=_type_text(field),
            default=_default_text(field),
            meaning=field.description or meanings.get(name, ""),
        )
        for name, field in model.model_fields.items()
    ]


def _own_bases(model: type[BaseModel]) -> list[type]:
    """Return a model and the models it inherits from, the oldest first."""
    return [base for base in reversed(model.__mro__) if issubclass(base, BaseModel) and base is not BaseModel]


@cache
def attribute_docstrings(model: type) -> dict[str, str]:
    """Return the string below each annotated attribute of a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match text:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    found[field.target.id] = " ".join(words.split())
    return found


def _type_text(field: FieldInfo) -> str:
    """Return type and bounds: `int, 1…64`."""
    bounds = _bounds_text(field.metadata)
    return _annotation_text(field.annotation) + (f", {bounds}" if bounds else "")


def _bounds_text(metadata: list[Any]) -> str:
    """Return the bounds of a number, or the pattern of a string."""
    flat = [one for outer in metadata for one in getattr(outer, "metadata", [outer])]
    limits = {key: getattr(one, key) for one in flat for key in ("ge", "gt", "le") if hasattr(one, key)}
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']:g}…{limits['le']:g}"
    if "gt" in limits or "ge" in limits:
        return f"> {limits['gt']:g}" if "gt" in limits else f"≥ {limits['ge']:g}"
    patterns = [one.pattern for one in flat if getattr(one, "pattern", None)]
    return f"matches `{patterns[0]}`" if patterns else ""


def _annotation_text(annotation: Any) -> str:
    """Return an annotation in the words of a reference page."""
    inside = [_annotation_text(one) for one in get_args(annotation) if get_origin(annotation) is not Literal]
    match get_origin(annotation):
        case None:
            return NAMES.get(annotation) or getattr(annotation, "__name__", str(annotation))
        case origin if origin is Annotated:
            return ", ".join(filter(None, [inside[0], _bounds_text(list(annotation.__metadata__))]))
        case origin if origin is Literal:
            text = " or ".join(f"`{json.dumps(value)}`" for value in get_args(annotation))
        case origin if origin is dict:
            text = f"map of {inside[0]} to {inside[1]}"
        case origin if origin in (Union, types.UnionType):
            text = " or ".join(inside)
        case _:
            text = f"list of {inside[0]}"
    return text


def _default_text(field: FieldInfo) -> str:
    """Return a default as TOML and JSON write it; empty where the field is required or has none."""
    value = field.default
    if field.is_required() or value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{json.dumps(value, ensure_ascii=False)}`"
