"""The options that every command shares, declared once.

    @command(app)
    def tasks(settings: Settings) -> int: ...

gives `tasks` the options --home, --bundle, --engine, --threads, --seed, --cache-limit and --json, gathered in
`settings`.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from platformdirs import user_data_path

from edgecl.errors import UsageError


class EngineName(StrEnum):
    """What --engine accepts."""

    auto = "auto"
    portable = "portable"
    ort_training = "ort-training"


@dataclass(frozen=True)
class Settings:
    """Where things are and how to run."""

    home: Path
    bundle: Path
    engine: str
    threads: int
    seed: int
    cache_bytes: int
    as_json: bool
    named: Mapping[str, str]
    """`home` and `bundle`, where the user said which → the option or variable that did."""


PANEL = "Common options"
HOME_VARIABLE = "EDGECL_HOME"
Home = Annotated[
    Path | None,
    typer.Option(
        help="Where tasks are kept.",
        envvar=HOME_VARIABLE,
        show_default="your data folder",
        rich_help_panel=PANEL,
    ),
]
BundlePath = Annotated[
    Path | None, typer.Option(help="A bundle folder.", show_default="the shipped one", rich_help_panel=PANEL)
]
Engine = Annotated[EngineName, typer.Option(help="What trains.", rich_help_panel=PANEL)]
Threads = Annotated[
    int | None,
    typer.Option(help="CPU threads.", min=1, max=256, show_default="up to 4", rich_help_panel=PANEL),
]
Seed = Annotated[
    int,
    typer.Option(help="Same seed and recordings: same task.", min=0, max=2**32 - 1, rich_help_panel=PANEL),
]
CacheLimit = Annotated[
    int,
    typer.Option(
        metavar="MB",
        help="Room for what recordings sounded like; tasks can be corrected from it.",
        envvar="EDGECL_CACHE_LIMIT",
        min=0,
        max=1 << 20,
        rich_help_panel=PANEL,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on stdout, messages on stderr.", rich_help_panel=PANEL),
]


def gather(
    *,
    home: Home = None,
    bundle: BundlePath = None,
    engine: Engine = EngineName.auto,
    threads: Threads = None,
    seed: Seed = 0,
    cache_limit: CacheLimit = 512,
    json: Json = False,
) -> Settings:
    """The settings that these options mean."""
    from device_runtime.model.runtime import DEFAULT_BUNDLE, default_threads  # noqa: PLC0415  (numpy and pydantic)

    return Settings(
        home=expanded(home or user_data_path("edgecl")),
        bundle=expanded(bundle or DEFAULT_BUNDLE),
        engine=engine.value,
        threads=threads or default_threads(),
        seed=seed,
        cache_bytes=cache_limit << 20,
        as_json=json,
        named=_named(home, bundle),
    )


def _named(home: Path | None, bundle: Path | None) -> dict[str, str]:
    named = {}
    if home:
        named["home"] = HOME_VARIABLE if os.environ.get(HOME_VARIABLE) == str(home) else "--home"
    if bundle:
        named["bundle"] = "--bundle"
    return named


def expanded(path: Path) -> Path:
    """The path with `~` and `~user` spelt out.

    Raises:
        UsageError: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(
            f"'{path}': the home folder of '{path.parts[0]}' is not known", "write the whole path"
        ) from None


def command(app: typer.Typer) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Registers a function `name(settings, …)` with `app`, the shared options in place of `settings`."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        own = [p for p in inspect.signature(function).parameters.values() if p.name != "settings"]
        shared = list(inspect.signature(gather).parameters.values())

        @wraps(function)
        def with_options(**values: Any) -> int:
            settings = gather(**{option.name: values.pop(option.name) for option in shared})
            return function(settings, **values)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command()(with_options)
        return function

    return register
