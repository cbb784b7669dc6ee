"""The options that commands share, each declared once.

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
from typing import TYPE_CHECKING, Annotated, Any

import typer
from platformdirs import user_data_path

from device_runtime.cli import output
from device_runtime.cli.help import read_help
from device_runtime.system.board_profile import choose_work_threads, default_threads
from edgecl.errors import UsageError

if TYPE_CHECKING:
    from device_runtime.workflows.workspace import Workspace


class EngineName(StrEnum):
    """Values of --engine."""

    auto = "auto"
    portable = "portable"
    ort_training = "ort-training"


@dataclass(frozen=True)
class Settings:
    """The options that every command has."""

    workspace: "Workspace"
    as_json: bool
    origins: Mapping[str, str]
    """`home` and `bundle`, where the user named them → the option or environment variable."""


COMMON = "Common options"
HOME_VARIABLE = "EDGECL_HOME"
Home = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder where tasks are stored.",
        envvar=HOME_VARIABLE,
        show_default="your data folder, ~/.local/share/edgecl",
        rich_help_panel=COMMON,
    ),
]
BundlePath = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of the model bundle.",
        show_default="the one of 'edgecl bundle install', else the one shipped with edgecl",
        rich_help_panel=COMMON,
    ),
]
Engine = Annotated[
    EngineName,
    typer.Option(
        help="Training engine: portable runs everywhere, ort-training needs the package of that name.",
        rich_help_panel=COMMON,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of CPU threads.",
        min=1,
        max=256,
        show_default="as 'edgecl bench' measured, or the number of cores, at most 4",
        rich_help_panel=COMMON,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Random seed. The same seed and recordings give the same task.",
        min=0,
        max=2**32 - 1,
        rich_help_panel=COMMON,
    ),
]
CacheLimit = Annotated[
    int,
    typer.Option(
        metavar="MB",
        help="Size limit of the feature cache, in MB. Tasks are corrected from this cache.",
        envvar="EDGECL_CACHE_LIMIT",
        min=0,
        max=1 << 20,
        rich_help_panel=COMMON,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on stdout; messages go to stderr.",
        rich_help_panel=COMMON,
    ),
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
    """Return the settings that these options mean."""
    from device_runtime.workflows.workspace import Workspace  # noqa: PLC0415  (pydantic)

    folder = expand(home or user_data_path("edgecl"))
    workspace = Workspace(
        home=folder,
        bundle=expand(bundle) if bundle else None,
        engine=engine.value,
        threads=threads or choose_work_threads(folder) or default_threads(),
        seed=seed,
        cache_bytes=cache_limit << 20,
        warn=output.print_message,
    )
    return Settings(workspace, json, _origins(home, bundle))


def _origins(home: Path | None, bundle: Path | None) -> dict[str, str]:
    origins = {}
    if home:
        origins["home"] = HOME_VARIABLE if os.environ.get(HOME_VARIABLE) == str(home) else "--home"
    if bundle:
        origins["bundle"] = "--bundle"
    return origins


def expand(path: Path) -> Path:
    """Return the path with `~` and `~user` expanded.

    Raises:
        UsageError: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(
            f"'{path}': the home folder of '{path.parts[0]}' is not known", "write the whole path"
        ) from None


def check_plot_file(file: Path | None) -> Path | None:
    """Refuse a plot file that could not be written, before any work is done."""
    if file:
        from device_runtime.workflows import plot  # noqa: PLC0415  (numpy)

        plot.check_file(file)
    return file


PlotFile = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE.png",
        help="Also plot the result as a PNG file. Needs the extra 'plot' (matplotlib).",
        callback=check_plot_file,
        show_default=False,
    ),
]


def command(app: typer.Typer) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a function `name(settings, …)` with `app`, the shared options in place of `settings`.

    A function without `settings` gets no shared options.
    """

    def register(function: Callable[..., int]) -> Callable[..., int]:
        text = read_help(function).to_markup()
        declared = inspect.signature(function).parameters
        if "settings" not in declared:
            app.command(help=text)(function)
            return function
        own = [p for p in declared.values() if p.name != "settings"]
        shared = list(inspect.signature(gather).parameters.values())

        @wraps(function)
        def with_options(**values: Any) -> int:
            settings = gather(**{option.name: values.pop(option.name) for option in shared})
            return function(settings, **values)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(help=text)(with_options)
        return function

    return register
