"""Every value of a configuration with where it comes from, secrets masked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

DEFAULT = "default"


@dataclass(frozen=True)
class ConfigValue:
    """One value."""

    key: str
    """Its place in the file: `source.rate_hz`."""
    value: Any
    origin: str
    """The file, or `default`."""

    @property
    def text(self) -> str:
        """The value as TOML writes it; a dash where there is none."""
        return "–" if self.value is None else json.dumps(self.value, ensure_ascii=False)


def list_values(section: BaseModel, file: str, place: str = "") -> Iterator[ConfigValue]:
    """Every value of a section, and of those in it, in the order of the documentation.

    Args:
        file: what to call the origin of what was written.
        place: the section's own key, with a dot behind it.
    """
    for name in type(section).model_fields:
        origin = file if name in section.model_fields_set else DEFAULT
        yield from _values(getattr(section, name), f"{place}{name}", file, origin)


def _values(value: Any, key: str, file: str, origin: str) -> Iterator[ConfigValue]:
    if isinstance(value, BaseModel):
        yield from list_values(value, file, f"{key}.")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _values(one, f"{key}.{name}", file, origin)
    else:
        yield ConfigValue(key, str(value) if isinstance(value, SecretStr) else value, origin)
