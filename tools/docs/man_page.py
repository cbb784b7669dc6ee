"""Generate the man page edgecl(1) from the commands of `edgecl`."""

from collections.abc import Iterable, Iterator

from tools.docs.cli_commands import Command, Parameter, describe_program, list_commands, list_common_options

EXIT_STATUS = {"0": "Done.", "1": "Failed, or interrupted by a signal.", "2": "Wrong usage."}
FILES = {
    "~/.local/share/edgecl/": "Tasks, the feature cache and the history, unless --home says otherwise.",
    "~/.config/edgecl/config.toml, /etc/edgecl/config.toml": "Configuration of the daemon.",
}


def render() -> str:
    """Return the man page as roff."""
    program = describe_program()
    lines = [
        '.TH EDGECL 1 "" "edgecl" "User Commands"',
        ".SH NAME",
        f"edgecl \\- {_escape(program.help.purpose)}",
    ]
    lines += [".SH SYNOPSIS", ".B edgecl", "COMMAND [OPTIONS] [ARGUMENTS]", ".SH COMMANDS"]
    for command in list_commands():
        lines += _command(command)
    lines += [".SH COMMON OPTIONS", "Every command but those of", ".B edgecl service", "has them."]
    lines += _parameters(list_common_options())
    lines += [".SH EXIT STATUS", *_terms(EXIT_STATUS), ".SH FILES", *_terms(FILES)]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_escape(command.usage)}"
    yield _escape(command.help.purpose)
    for paragraph in command.help.paragraphs:
        yield from (".PP", _escape(paragraph))
    yield from _parameters(command.parameters)
    for title, block in command.help.blocks.items():
        yield from (".PP", f"{_escape(title)}:", ".PP", ".RS 4", ".nf", *map(_escape, block), ".fi", ".RE")


def _parameters(parameters: Iterable[Parameter]) -> Iterator[str]:
    for one in parameters:
        name = ", ".join(one.names) + (f" {one.value}" if one.value else "")
        notes = [f"Default: {one.default}."] if one.default not in ("", "required") else []
        notes += [f"Environment variable: {one.variable}."] if one.variable else []
        yield from _terms({name: " ".join([one.meaning, *notes])})


def _terms(terms: dict[str, str]) -> Iterator[str]:
    for term, meaning in terms.items():
        yield from (".TP", f"\\fB{_escape(term)}\\fR", _escape(meaning))


def _escape(text: str) -> str:
    """Escape what roff would read as its own: backslashes, hyphens, and a dot or quote at the start."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(render(), end="")
