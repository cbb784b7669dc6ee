"""Describe the commands of `edgecl`: their help texts, arguments and options, read from the functions."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

import typer
from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from device_runtime.cli.app import COMMANDS, register, start
from device_runtime.cli.help import HelpText, read_help
from device_runtime.cli.options import gather


@dataclass(frozen=True)
class Parameter:
    """One argument or option."""

    names: tuple[str, ...]
    """Such as ("--predict", "--hear"), or ("NAME",) for an argument."""
    value: str
    """Placeholder of the value, or the values that are allowed; empty for an argument or a flag."""
    default: str
    meaning: str
    variable: str
    """Environment variable that sets it; empty where there is none."""
    is_argument: bool
    is_required: bool
    is_repeated: bool


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    """As it is typed: `edgecl config show`."""
    help: HelpText
    parameters: list[Parameter]
    has_common_options: bool

    @property
    def usage(self) -> str:
        """Return the command line in short."""
        words = [self.name]
        if self.has_common_options or any(not one.is_argument for one in self.parameters):
            words.append("[OPTIONS]")
        for one in self.parameters:
            if one.is_argument:
                word = f"{one.names[0]}…" if one.is_repeated else one.names[0]
                words.append(word if one.is_required else f"[{word}]")
        return " ".join(words)


def list_commands() -> list[Command]:
    """Return all commands in the order of `edgecl --help`."""
    app = typer.Typer()
    for name in COMMANDS:
        register(app, name)
    single = {_name(info): info for info in app.registered_commands}
    groups = {str(info.name): info.typer_instance for info in app.registered_groups}
    return [
        command
        for name in COMMANDS
        for command in (
            [_describe(f"edgecl {name}", single[name])]
            if name in single
            else [_describe(f"edgecl {name} {_name(one)}", one) for one in _commands_of(groups[name])]
        )
    ]


def describe_program() -> Command:
    """Return the description of `edgecl` itself."""
    return Command("edgecl", read_help(start), list(_parameters(start)), False)


def list_common_options() -> list[Parameter]:
    """Return the options that every command but those of `edgecl service` has."""
    return list(_parameters(gather))


def _commands_of(group: typer.Typer | None) -> list[CommandInfo]:
    return group.registered_commands if group else []


def _name(info: CommandInfo) -> str:
    return info.name or _function(info).__name__.replace("_", "-")


def _function(info: CommandInfo) -> Callable[..., Any]:
    assert info.callback is not None
    function: Callable[..., Any] = inspect.unwrap(info.callback)
    return function


def _describe(name: str, info: CommandInfo) -> Command:
    function = _function(info)
    has_common_options = "settings" in inspect.signature(function).parameters
    return Command(name, read_help(function), list(_parameters(function)), has_common_options)


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    for parameter in inspect.signature(function).parameters.values():
        kind, *infos = get_args(parameter.annotation) or (parameter.annotation,)
        info = next((one for one in infos if isinstance(one, ArgumentInfo | OptionInfo)), None)
        if info is not None:
            yield _parameter(parameter, kind, info)


def _parameter(parameter: inspect.Parameter, kind: Any, info: ArgumentInfo | OptionInfo) -> Parameter:
    types = {*get_args(kind), kind}
    is_argument, is_flag = isinstance(info, ArgumentInfo), bool in types
    declared = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
    names = tuple(declared or ["--" + parameter.name.replace("_", "-")])
    is_required = parameter.default is parameter.empty
    return Parameter(
        names=(str(info.metavar),) if is_argument else names,
        value="" if is_argument or is_flag else _value(types, info),
        default=_default(parameter.default, info, is_required),
        meaning=str(info.help),
        variable=str(info.envvar or ""),
        is_argument=is_argument,
        is_required=is_required,
        is_repeated=list in {getattr(one, "__origin__", None) for one in types},
    )


def _value(types: set[Any], info: ArgumentInfo | OptionInfo) -> str:
    """Return the values that are allowed, or what stands for the value."""
    for one in types:
        if isinstance(one, type) and issubclass(one, Enum):
            return "|".join(str(member.value) for member in one)
    bounds = "" if info.min is None or info.max is None else f", {info.min} to {info.max}"
    return (info.metavar or ("N" if types & {int, float} else "TEXT")) + bounds


def _default(default: Any, info: ArgumentInfo | OptionInfo, is_required: bool) -> str:
    if isinstance(info.show_default, str):
        return info.show_default
    if is_required:
        return "required"
    return "" if default in (None, False) else str(getattr(default, "value", default))
