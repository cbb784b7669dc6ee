"""A recipe in words, `KEY=VALUE KEY=VALUE …`: as a user types it, and as a blob remembers it."""

from collections.abc import Sequence
from dataclasses import Field, asdict, fields
from difflib import get_close_matches
from typing import Any

from device_runtime.training.recipe import Recipe
from edgecl.errors import UsageError

SWITCH = {"on": True, "off": False}


def recipe_of(words: Sequence[str]) -> Recipe:
    """The usual recipe, but for what these words say.

    Raises:
        UsageError: a word has another form, an unknown key or a value that cannot be.
    """
    settings = {setting.name: setting for setting in fields(Recipe)}
    usual = asdict(Recipe())
    told: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' is no KEY=VALUE of a recipe", _all())
        if key not in settings:
            raise UsageError(f"a recipe has no '{key}'{_perhaps(key)}", _all())
        told[key] = _value(settings[key], usual[key], value)
    return Recipe(**told)


def words_of(recipe: Recipe) -> str:
    """What of a recipe is unusual, as `recipe_of` reads it; empty for the usual one."""
    settings = [(s.name, s.default, getattr(recipe, s.name)) for s in fields(recipe)]
    return " ".join(f"{key}={_spelt(value)}" for key, usual, value in settings if value != usual)


def explained() -> list[tuple[str, str, str]]:
    """Every key with its usual value, its bounds, and what it means."""
    usual = asdict(Recipe())
    return [(f"{s.name}={_spelt(usual[s.name])}", _range(s), s.metadata["meaning"]) for s in fields(Recipe)]


def _all() -> str:
    """The keys in one line, for a hint."""
    return f"'--recipe help' explains them: {', '.join(setting.name for setting in fields(Recipe))}"


def _value(setting: "Field[Any]", usual: float, text: str) -> float:
    kind = type(usual)
    try:
        return SWITCH[text] if kind is bool else kind(text)
    except (KeyError, ValueError):
        names = {int: "a whole number", float: "a number", bool: "on or off"}
        raise UsageError(
            f"{setting.name} of a recipe is {names[kind]}, not '{text}'",
            f"it is: {setting.metadata['meaning']}; usually {_spelt(usual)}",
        ) from None


def _range(setting: "Field[Any]") -> str:
    least, most = setting.metadata["bounds"]
    return "on, off" if isinstance(setting.default, bool) else f"{least:g} … {most:g}"


def _spelt(value: float) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else repr(value)


def _perhaps(key: str) -> str:
    near = get_close_matches(key, [setting.name for setting in fields(Recipe)], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
