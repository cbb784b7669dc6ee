"""All values of a configuration with their origin, secrets masked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

DEFAULT = "default"


@dataclass(frozen=True)
class ConfigValue:
    """One value of a configuration."""

    key: str
    """Its place in the file: `source.rate_hz`."""
    value: Any
    origin: str
    """The file, or `default`."""

    @property
    def text(self) -> str:
        """The value in TOML; a dash if there is none."""
        return "–" if self.value is None else json.dumps(self.value, ensure_ascii=False)


def list_values(section: BaseModel, file: str, prefix: str = "") -> Iterator[ConfigValue]:
    """Yield all values of a section and of its sub-sections, in the order of the documentation.

    Args:
        section: The section.
        file: The origin of values that are set.
        prefix: The section's own key with a final dot; empty for the whole file.
    """
    for name in type(section).model_fields:
        origin = file if name in section.model_fields_set else DEFAULT
        yield from _expand(getattr(section, name), f"{prefix}{name}", file, origin)


def _expand(value: Any, key: str, file: str, origin: str) -> Iterator[ConfigValue]:
    if isinstance(value, BaseModel):
        yield from list_values(value, file, f"{key}.")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _expand(one, f"{key}.{name}", file, origin)
    else:
        yield ConfigValue(key, str(value) if isinstance(value, SecretStr) else value, origin)
