"""Generate docs/reference/configuration.md from the schema of the configuration."""

from collections.abc import Iterator

from pydantic import BaseModel

from edgecl.config.privacy import DESCRIPTIONS
from edgecl.config.schema import Config, TaskConfig
from tools.docs.markdown import field_table, sentence, table_row

INTRODUCTION = """# Configuration

The file that `edgecl serve` reads, as TOML. Every key has a default; unknown keys and values of a wrong type
are errors. `edgecl config show` prints every value in force and where it comes from.
[Daemon and configuration](../guides/daemon.md) shows how the tables are used.

## Top of the file
"""


def render() -> str:
    """Return the page as Markdown."""
    sections = {name: type(field.default) for name, field in Config.model_fields.items()}
    sections["tasks"] = TaskConfig
    tables = {name: kind for name, kind in sections.items() if issubclass(kind, BaseModel)}
    lines = [INTRODUCTION, *field_table(Config, with_default=True, skipped=tables)]
    lines += ["", "### Levels of privacy", "", table_row(["level", "effect"]), table_row(["---", "---"])]
    lines += [table_row([str(level), meaning]) for level, meaning in DESCRIPTIONS.items()]
    for name, section in tables.items():
        title = "[tasks.NAME]" if section is TaskConfig else f"[{name}]"
        lines += ["", f"## `{title}`", "", *_section(section)]
    return "\n".join(lines) + "\n"


def _section(section: type[BaseModel]) -> Iterator[str]:
    """Yield the meaning of a table, which stands behind its name in the docstring, and its keys."""
    yield sentence((section.__doc__ or "").partition(":")[2])
    yield ""
    yield from field_table(section, with_default=True)
