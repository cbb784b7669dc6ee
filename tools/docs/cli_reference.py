"""Generate docs/reference/cli.md from the commands of `edgecl`."""

from collections.abc import Iterable, Iterator

from tools.docs.cli_commands import Command, Parameter, describe_program, list_commands, list_common_options

INTRODUCTION = """# Command line

Exit codes: 0 done, 1 failed or interrupted, 2 wrong usage. Errors are two lines on stderr: `error:` says what
happened, `hint:` what to do next. Ctrl-C and SIGTERM stop a command at once; it prints what is stored then.

`edgecl --install-completion` installs completion for bash, zsh or fish; `edgecl --show-completion` prints the
script.
"""
LANGUAGES = {"Configuration file": "toml"}
"""Title of a block → its language; others are shell commands."""


def render() -> str:
    """Return the page as Markdown."""
    program = describe_program()
    lines = [INTRODUCTION, "```bash", *program.help.blocks["First steps"], "```", ""]
    for command in list_commands():
        lines += [*_section(command), ""]
    lines += ["## Common options", "", "Every command but those of `edgecl service` has them.", ""]
    lines += _table(list_common_options())
    return "\n".join(lines) + "\n"


def _section(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    yield from ("", command.help.purpose, "", "```text", command.usage, "```")
    for paragraph in command.help.paragraphs:
        yield from ("", paragraph)
    if command.parameters:
        yield from ("", *_table(command.parameters))
    for title, block in command.help.blocks.items():
        yield from ("", f"{title}:", "", f"```{LANGUAGES.get(title, 'bash')}", *block, "```")


def _table(parameters: Iterable[Parameter]) -> Iterator[str]:
    yield "| option | default | meaning |"
    yield "| --- | --- | --- |"
    for one in parameters:
        names = ", ".join(f"`{name}`" for name in one.names)
        value = f" `{one.value}`" if one.value else ""
        variable = f" Environment variable: `{one.variable}`." if one.variable else ""
        cells = f"{names}{value}", one.default, f"{one.meaning}{variable}"
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(render(), end="")
