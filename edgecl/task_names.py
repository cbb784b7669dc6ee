"""Valid task names: safe in a file path, a terminal and a URL."""

import unicodedata

from edgecl.errors import UsageError

MAX_NAME_CHARACTERS = 64
PUNCTUATION = " ._-"


def check_task_name(name: str) -> str:
    """Check a task name and normalize it to Unicode NFC.

    Raises:
        UsageError: It is empty, too long, starts with '.', '_', '-' or a space, ends with a space, or has a
            character other than letters and digits of any script, space, '.', '_' and '-'.
    """
    name = unicodedata.normalize("NFC", name)
    fault = _find_fault(name)
    if fault:
        raise UsageError(
            f"a task cannot be called {name[:MAX_NAME_CHARACTERS]!r}: {fault}",
            "use letters, digits, spaces, '.', '_' and '-', and begin with a letter or digit",
        )
    return name


def _find_fault(name: str) -> str:
    """Describe the first fault of a name; empty if it is valid."""
    if not name:
        return "the name is empty"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"the name is longer than {MAX_NAME_CHARACTERS} characters"
    foreign = [c for c in name if unicodedata.category(c)[0] not in "LNM" and c not in PUNCTUATION]
    if foreign:
        return f"{foreign[0]!r} is not allowed"
    if name[0] in PUNCTUATION or name[-1] == " ":
        return "it begins with a dot, dash, underscore or space, or ends with a space"
    return ""
